"""Controls: what else raises the SFT loss or lowers the reward, and what must do neither.

Each is the spine with one thing changed. Their curves are not drawn, so that few snapshots do; and
where it does not matter how far SFT comes, because nothing is to be learnt, it has one epoch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from coupling_bench.pipelines import spine
from coupling_bench.pipelines.recipe import Node, NotHereError, Recipe
from coupling_bench.specs import (
    GrammarSpec,
    GRPOSpec,
    ImportSpec,
    PerturbSpec,
    PretrainSpec,
    SFTSpec,
    TrainingSpec,
)

NO_SNAPSHOTS = 1_000_000
"""Beyond any stage's last step: its start and its end are all that is stored."""
ZERO_RATE_STEPS = 4
ORDER = 1_000
"""What is added to a run's seed to order the same demonstrations anew."""

Trained = TypeVar("Trained", bound=TrainingSpec)


def sft_then_rl_at_zero_rate(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return a few steps of RL after SFT at learning rate 0."""
    still = replace(spine.sft_then_rl(recipe, seed), learning_rate=0.0, max_steps=ZERO_RATE_STEPS)
    return _unwatched(still)


def sft_then_sft_at_zero_rate(recipe: Recipe, seed: int) -> SFTSpec:
    """Return an epoch of SFT after SFT, on a few prompts, at learning rate 0."""
    few = ZERO_RATE_STEPS * recipe.sft.batch_size
    task = replace(recipe.task, prompts_size=min(few, recipe.task.prompts_size or few))
    start = spine.sft(recipe, seed)
    still = replace(start, start=start, task=task, learning_rate=0.0, num_train_epochs=1)
    return _unwatched(still)


def sft_then_sft(recipe: Recipe, seed: int) -> SFTSpec:
    """Return SFT continued for an epoch on the same demonstrations in another order."""
    start = spine.sft(recipe, seed)
    return _unwatched(replace(start, start=start, seed=ORDER + seed, num_train_epochs=1))


def sft_then_step_of_equal_norm(recipe: Recipe, seed: int) -> PerturbSpec:
    """Return the SFT checkpoint moved at random, as far as RL moves its weights."""
    return PerturbSpec(start=spine.sft_then_rl(recipe, seed), matched="norm", seed=seed)


def sft_then_step_of_equal_kl(recipe: Recipe, seed: int) -> PerturbSpec:
    """Return the SFT checkpoint moved at random, as far as RL moves its answers."""
    if recipe.task.answers is None:
        raise NotHereError(
            "A random step of equal KL needs a closed set of answers, over which it is computed."
        )
    return PerturbSpec(start=spine.sft_then_rl(recipe, seed), matched="kl", seed=seed)


def sft_then_rl_with_shuffled_rewards(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL after SFT, rewarded for the truth of another prompt, always the same one."""
    planted = replace(spine.sft_then_rl(recipe, seed), planted="reward_of_another_prompt")
    return _unwatched(planted)


def sft_then_rl_on_shifted_prompts(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL after SFT on prompts of kinds that SFT never sees."""
    if not isinstance(recipe.task, GrammarSpec):
        raise NotHereError(
            "RL on a shifted distribution of prompts needs a task that generates them: "
            "--task grammar."
        )
    shifted = replace(recipe.task, rl_prompts="shifted")
    return _unwatched(replace(spine.sft_then_rl(recipe, seed), task=shifted))


def prior_base(recipe: Recipe, seed: int) -> PretrainSpec | ImportSpec:
    """Return the base where sentences and judgements do not belong together."""
    return spine.base(_shuffled(recipe), seed)


def prior_sft(recipe: Recipe, seed: int) -> SFTSpec:
    """Return SFT on shuffled sentences, from which the label prior alone can be learnt."""
    return _unwatched(spine.sft(_shuffled(recipe), seed))


def prior_sft_then_rl(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL after SFT, both on shuffled sentences."""
    return _unwatched(replace(_shuffled(recipe).rl, start=prior_sft(recipe, seed), seed=seed))


def prior_rl(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL on shuffled sentences, from a base that was pretrained on such."""
    return _unwatched(spine.rl(_shuffled(recipe), seed))


def prior_rl_then_sft(recipe: Recipe, seed: int) -> SFTSpec:
    """Return SFT after RL, both on shuffled sentences."""
    return _unwatched(replace(_shuffled(recipe).sft, start=prior_rl(recipe, seed), seed=seed))


def sft_with_masked_answers(recipe: Recipe, seed: int) -> SFTSpec:
    """Return an epoch of SFT whose loss does not see the answers: a defect, planted."""
    planted = replace(spine.sft(recipe, seed), planted="mask", num_train_epochs=1)
    return _unwatched(planted)


def rl_then_sft_with_wrong_labels(recipe: Recipe, seed: int) -> SFTSpec:
    """Return an epoch of SFT after RL on exchanged labels: a defect, planted."""
    if recipe.task.answers is None:
        raise NotHereError("Labels that are exchanged need a closed set of answers.")
    planted = replace(spine.rl_then_sft(recipe, seed), planted="labels", num_train_epochs=1)
    return _unwatched(planted)


def _unwatched(stage: Trained) -> Trained:
    return replace(stage, snapshot_every=NO_SNAPSHOTS)


def _shuffled(recipe: Recipe) -> Recipe:
    """Return the recipe with every sentence shuffled against its answer, in pretraining too."""
    task = replace(recipe.task, sentences="shuffled")
    return replace(
        recipe,
        task=task,
        base=replace(recipe.base, task=task),
        sft=replace(recipe.sft, task=task),
        rl=replace(recipe.rl, task=task),
    )


NODES: dict[str, Node] = {
    "sft_then_rl_at_zero_rate": sft_then_rl_at_zero_rate,
    "sft_then_sft_at_zero_rate": sft_then_sft_at_zero_rate,
    "sft_then_sft": sft_then_sft,
    "sft_then_step_of_equal_norm": sft_then_step_of_equal_norm,
    "sft_then_step_of_equal_kl": sft_then_step_of_equal_kl,
    "sft_then_rl_with_shuffled_rewards": sft_then_rl_with_shuffled_rewards,
    "sft_then_rl_on_shifted_prompts": sft_then_rl_on_shifted_prompts,
    "prior_base": prior_base,
    "prior_sft": prior_sft,
    "prior_sft_then_rl": prior_sft_then_rl,
    "prior_rl": prior_rl,
    "prior_rl_then_sft": prior_rl_then_sft,
    "sft_with_masked_answers": sft_with_masked_answers,
    "rl_then_sft_with_wrong_labels": rl_then_sft_with_wrong_labels,
}
PIPELINES: dict[str, tuple[str, ...]] = {}
