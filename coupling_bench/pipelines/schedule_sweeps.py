"""The whole front: joint weights, penalties, replay, and turns of several lengths, for the night.

All spend the compute of ``schedules``. What stages after each other reach is swept too, by what
comes first and in how many pieces, so that many weights are not held against two orders alone.
"""

from __future__ import annotations

from coupling_bench.pipelines import strings
from coupling_bench.pipelines.recipe import Node, NotHereError, Recipe
from coupling_bench.pipelines.schedules import REPLAYED, RL_STEPS, SFT_STEPS
from coupling_bench.specs import StageSpec

WEIGHTS = (0.1, 0.3, 3, 10)
"""Of the SFT loss in a joint stage, besides those of ``schedules``."""
BETAS = (0.03, 0.3, 1)
REPLAY_WEIGHTS = (0.03, 0.3, 1)
TURNS = (2, 5, 10)
"""Of SFT and RL, besides four; the more turns, the shorter."""
SFT, RL = SFT_STEPS, RL_STEPS


def joint(batch: int) -> dict[str, str]:
    """Return joint schedules by their nodes' names; ``batch`` demonstrations are a step of SFT's.

    The weight stays, or falls from so much to 0.
    """
    size = f"sft_batch_size={SFT * batch // RL}"
    return {
        f"joint{name}_{_named(weight)}": f"joint:{RL}[sft_weight={weight}{end},{size}]"
        for name, end in (("", ""), ("_annealed", ",sft_weight_end=0"))
        for weight in WEIGHTS
    }


def held(batch: int) -> dict[str, str]:
    """Return RL after SFT with penalties, and with replay at several weights."""
    replayed = SFT // REPLAYED
    replay = f"sft_batch_size={replayed * batch // RL}"
    return {
        f"sft_then_rl_with_kl_{_named(beta)}": f"sft:{SFT},grpo:{RL}[beta={beta}]" for beta in BETAS
    } | {
        f"sft_then_rl_with_replay_{_named(weight)}": (
            f"sft:{SFT - replayed},joint:{RL}[sft_weight={weight},{replay}]"
        )
        for weight in REPLAY_WEIGHTS
    }


def sequences() -> dict[str, str]:
    """Return stages after each other: one in two pieces around the other, and turns of both."""
    around = {
        "rl_between_sft": f"sft:{SFT // 2},grpo:{RL},sft:{SFT // 2}",
        "sft_between_rl": f"grpo:{RL // 2},sft:{SFT},grpo:{RL // 2}",
    }
    turns = {f"turns_{many}": f"(sft:{SFT // many},grpo:{RL // many})x{many}" for many in TURNS}
    return around | turns


def sweep(batch: int) -> dict[str, str]:
    """Return all of them by their nodes' names."""
    return joint(batch) | held(batch) | sequences()


def _node(name: str) -> Node:
    def node(recipe: Recipe, seed: int) -> StageSpec:
        if recipe.scale == "smoke":
            raise NotHereError("The whole front of schedules has no smaller form: --scale small.")
        return strings.build(sweep(recipe.sft.batch_size)[name], recipe, seed)

    node.__doc__ = f"Return the schedule {sweep(batch=32)[name]} from the base."
    return node


def _named(value: float) -> str:
    return f"{value:g}".replace(".", "p")


NODES: dict[str, Node] = {name: _node(name) for name in sweep(batch=32)}
PIPELINES: dict[str, tuple[str, ...]] = {}
GROUPS = {
    "joint_sweep": tuple(joint(batch=32)),
    "held_sweep": tuple(held(batch=32)),
    "sequences": tuple(sequences()),
}
