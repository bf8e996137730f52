"""A long SFT that is followed out of domain, and RL started from moments of it (arXiv:2509.12235).

The learning rate is constant after the spine's warm-up, where the spine's own SFT lets it fall:
each snapshot is then what an SFT of that length would have been. The steps of snapshots double,
because the path is fast where it begins. The length, four passes over the default's demonstrations
to the spine's two, and that of RL, three eighths of the spine's, are what the time allows, equal
for all arms; no accuracy out of domain had been looked at when they were set.
"""

from __future__ import annotations

from dataclasses import replace

from coupling_bench.pipelines import spine
from coupling_bench.pipelines.controls import NO_SNAPSHOTS, ORDER
from coupling_bench.pipelines.observing import observed_splits
from coupling_bench.pipelines.recipe import Node, NotHereError, Recipe
from coupling_bench.specs import GRPOSpec, LongSFTSpec, SnapshotSpec, StageSpec, of_kind

STEPS, BATCH = 1024, 32
"""The length, and how many demonstrations are in a step as it is counted here: a recipe that takes
more of them at a time takes fewer steps, and as many passes."""
STORED = (16, 32, 64, 128, 256, 512)
"""Steps of the snapshots between the beginning and the end."""
EARLY, MIDDLE = 32, 128
"""Steps after which RL starts, besides the end: the middle of the scale, and a quarter of it."""
SMOKE_SHARE = 16
"""SFT takes so many times fewer steps where the plumbing alone is tried."""


def long_sft(recipe: Recipe, seed: int) -> LongSFTSpec:
    """Return SFT from the base for longer than the spine's, observed out of domain all along."""
    if "out_of_domain" not in observed_splits(recipe.task):
        raise NotHereError(
            f"What SFT forgets out of domain needs such a split; {recipe.task.name} has none. Name "
            "a file of it in task.toml: out_of_domain = ..."
        )
    return of_kind(
        LongSFTSpec,
        spine.sft(recipe, seed),
        lr_scheduler_type="constant_with_warmup",
        snapshot_every=NO_SNAPSHOTS,
        num_train_epochs=1,
        max_steps=_taken(recipe, STEPS),
        also_after=tuple(sorted({_taken(recipe, step) for step in STORED})),
    )


def long_sft_then_rl(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL from the end of the long SFT."""
    return _rl(recipe, seed, long_sft(recipe, seed))


def long_sft_then_rl_with_shuffled_rewards(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL from the end of the long SFT, rewarded for the truth of another prompt."""
    return replace(long_sft_then_rl(recipe, seed), planted="reward_of_another_prompt")


def long_sft_then_sft(recipe: Recipe, seed: int) -> LongSFTSpec:
    """Return the long SFT continued for as many steps as RL takes from its end."""
    start = long_sft(recipe, seed)
    steps = long_sft_then_rl(recipe, seed).max_steps
    return replace(start, start=start, seed=ORDER + seed, max_steps=steps, also_after=())


def after(step: int) -> str:
    """Return the node of RL that starts after so many steps of the long SFT; 0 is the base."""
    return f"long_sft_{step}_then_rl" if step < STEPS else "long_sft_then_rl"


def _from_snapshot(step: int) -> Node:
    def node(recipe: Recipe, seed: int) -> StageSpec:
        start = SnapshotSpec(start=long_sft(recipe, seed), step=_taken(recipe, step))
        return _rl(recipe, seed, start)

    node.__doc__ = (
        f"Return RL from the long SFT as it was after {step} steps of {BATCH} demonstrations."
    )
    return node


def _rl(recipe: Recipe, seed: int, start: StageSpec) -> GRPOSpec:
    """Return RL of the one length that all starts get."""
    steps = max(recipe.rl.max_steps * 3 // 8, 1)
    rl = replace(recipe.rl, start=start, seed=seed, max_steps=steps)
    return replace(rl, snapshot_every=NO_SNAPSHOTS)


def _taken(recipe: Recipe, step: int) -> int:
    """Return the optimizer steps of a recipe in which it has seen as much; 0 is the base."""
    share = SMOKE_SHARE if recipe.scale == "smoke" else 1
    return -(-step * BATCH // (recipe.sft.batch_size * share))


NODES: dict[str, Node] = {
    "long_sft": long_sft,
    **{after(step): _from_snapshot(step) for step in (0, *STORED)},
    "long_sft_then_rl": long_sft_then_rl,
    "long_sft_then_sft": long_sft_then_sft,
    "long_sft_then_rl_with_shuffled_rewards": long_sft_then_rl_with_shuffled_rewards,
}
PIPELINES: dict[str, tuple[str, ...]] = {}
GROUPS = {
    "part_of_the_window": tuple(map(after, (EARLY, MIDDLE, STEPS))),
    "whole_window": tuple(map(after, (0, *STORED, STEPS))),
}
"""Starts of RL, by the name under which a suite asks for them."""
