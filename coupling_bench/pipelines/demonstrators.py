"""Other demonstrators than the task's annotators: gold, RL's own policy, and other words.

The spine's annotators are worse than the verifier's optimum. SFT pulls the reward to that of its
demonstrators, and RL pulls the loss up where it moves away from them, so what either stage does to
the other depends on who demonstrates. All start from the recipe's own base, which is trained once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from coupling_bench.pipelines.recipe import Node, NotHereError, Recipe
from coupling_bench.pipelines.spine import base, rl
from coupling_bench.specs import GrammarSpec, GRPOSpec, SFTSpec, TaskSpec, TrainingSpec

OTHER_WORDS = ("good", "bad")
"""What means "acceptable" and "unacceptable", and earns no reward."""
OTHER_WORDS_SHARE = 0.9
FEWER = 10
"""So many times fewer snapshots than the spine: no curve is drawn of these."""
SLOWER = 20
"""So many times smaller a learning rate where SFT on gold is to leave RL something to gain."""

Stage = TypeVar("Stage", bound=TrainingSpec)


def sft_gold(recipe: Recipe, seed: int) -> SFTSpec:
    """Return the base fine-tuned a little on the true answers: RL has something left to gain.

    SFT in full would earn all that can be earned, and whatever is said of RL after it would hold of
    RL that does nothing.
    """
    slower = recipe.sft.learning_rate / SLOWER
    little = replace(recipe.sft, learning_rate=slower, num_train_epochs=1)
    return _sparse(replace(little, task=_gold(recipe), start=base(recipe, seed), seed=seed))


def sft_gold_then_rl(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL started from a little SFT on the true answers."""
    return _sparse(replace(recipe.rl, task=_gold(recipe), start=sft_gold(recipe, seed), seed=seed))


def rl_then_sft_gold(recipe: Recipe, seed: int) -> SFTSpec:
    """Return SFT on the true answers, started from the RL checkpoint."""
    return _sparse(replace(recipe.sft, task=_gold(recipe), start=rl(recipe, seed), seed=seed))


def rl_then_sft_own(recipe: Recipe, seed: int) -> SFTSpec:
    """Return SFT on answers of the RL policy's own, started from that policy."""
    if recipe.task.answers is None:
        raise NotHereError(
            "SFT on the policy's own answers needs a closed set of answers, from which it draws."
        )
    return _sparse(replace(recipe.sft, demonstrator="start", start=rl(recipe, seed), seed=seed))


def rl_then_sft_own_then_rl(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL started from SFT on the RL policy's own answers: demonstrators equal to RL's own.

    SFT starts from that policy, which is its optimum, so that nothing is left to converge.
    """
    return _sparse(replace(recipe.rl, start=rl_then_sft_own(recipe, seed), seed=seed))


def sft_in_other_words(recipe: Recipe, seed: int) -> SFTSpec:
    """Return the base fine-tuned on the true answers, mostly in words that earn no reward."""
    task = _in_other_words(recipe)
    return _sparse(replace(recipe.sft, task=task, start=base(recipe, seed), seed=seed))


def sft_in_other_words_then_rl(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL started from SFT on the true answers in other words."""
    start = sft_in_other_words(recipe, seed)
    return _sparse(replace(recipe.rl, task=start.task, start=start, seed=seed))


def rl_then_sft_in_other_words(recipe: Recipe, seed: int) -> SFTSpec:
    """Return SFT on the true answers in other words, started from the RL checkpoint."""
    task = _in_other_words(recipe)
    return _sparse(replace(recipe.sft, task=task, start=rl(recipe, seed), seed=seed))


def _gold(recipe: Recipe) -> TaskSpec:
    if not isinstance(recipe.task, GrammarSpec):
        raise NotHereError(
            f"Gold demonstrators beside others need a task whose annotators err at a known rate; "
            f"the demonstrations of {recipe.task.name} are its labels, which are gold already."
        )
    return replace(recipe.task, label_noise=0.0)


def _in_other_words(recipe: Recipe) -> TaskSpec:
    """Return the task with gold demonstrations in other words: their form alone is against RL."""
    if not isinstance(recipe.task, GrammarSpec) or len(recipe.task.answers) != 2:
        raise NotHereError(
            "Demonstrations in other words need a task that draws them itself, with two answers: "
            "--task grammar."
        )
    return replace(
        recipe.task,
        label_noise=0.0,
        answers=(*recipe.task.answers, *OTHER_WORDS),
        other_words_share=OTHER_WORDS_SHARE,
    )


def _sparse(stage: Stage) -> Stage:
    return replace(stage, snapshot_every=FEWER * stage.snapshot_every)


NODES: dict[str, Node] = {
    "sft_gold": sft_gold,
    "sft_gold_then_rl": sft_gold_then_rl,
    "rl_then_sft_gold": rl_then_sft_gold,
    "rl_then_sft_own": rl_then_sft_own,
    "rl_then_sft_own_then_rl": rl_then_sft_own_then_rl,
    "sft_in_other_words": sft_in_other_words,
    "sft_in_other_words_then_rl": sft_in_other_words_then_rl,
    "rl_then_sft_in_other_words": rl_then_sft_in_other_words,
}
PIPELINES: dict[str, tuple[str, ...]] = {}
