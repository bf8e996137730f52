"""SFT and RL in other ways than one after the other, at equal compute.

Compute is what is trained on: every schedule sees as many demonstrations as SFT does in its steps,
and as many completions as RL does in its own, each once. So a joint stage takes RL's steps, with a
larger batch of demonstrations beside each; what replay adds is taken from the SFT before. Optimizer
steps are not equal then (a joint stage has fewer), nor is the penalty's reference model counted.

The schedules are a fifth and a quarter as long as the spine's stages. There the spine's losses and
rewards have changed most of the way: after 100 steps of SFT and after 40 of RL little more comes
(``docs/log.md``). Weights were set before anything was judged: 1 for a joint stage, whose two
losses are both means over tokens, and as much on average where it falls to 0; a tenth of that for
replay and for the KL penalty.
"""

from __future__ import annotations

from coupling_bench.pipelines import strings
from coupling_bench.pipelines.recipe import Node, Recipe
from coupling_bench.specs import StageSpec

SFT_STEPS, RL_STEPS = 100, 40
INTERLEAVED = 4
"""Turns of an interleaved schedule."""
SMOKE_SHARE = 10
"""Everything takes so many times fewer steps where the plumbing alone is tried."""
REPLAYED = 5
"""One demonstration in so many is replayed, and taken from the SFT before."""

SEQUENTIAL = ("short_sft_then_rl", "short_rl_then_sft")
JOINT = ("joint", "joint_annealed")


def schedules(sft: int, rl: int, batch: int) -> dict[str, str]:
    """Return the schedules by their nodes' names.

    Args:
        sft: optimizer steps of SFT.
        rl: optimizer steps of RL.
        batch: demonstrations in a step of SFT.
    """
    replayed = sft // REPLAYED
    joint, replay = (f"sft_batch_size={steps * batch // rl}" for steps in (sft, replayed))
    turn = f"sft:{sft // INTERLEAVED},grpo:{rl // INTERLEAVED}"
    likely = f"sft:{sft}[likely_share=0.5]"
    return {
        "short_sft_then_rl": f"sft:{sft},grpo:{rl}",
        "short_rl_then_sft": f"grpo:{rl},sft:{sft}",
        "joint": f"joint:{rl}[sft_weight=1.0,{joint}]",
        "joint_annealed": f"joint:{rl}[sft_weight=2.0,sft_weight_end=0.0,{joint}]",
        "interleaved": f"({turn})x{INTERLEAVED}",
        "sft_then_rl_with_kl": f"sft:{sft},grpo:{rl}[beta=0.1]",
        "sft_then_rl_with_replay": f"sft:{sft - replayed},joint:{rl}[sft_weight=0.1,{replay}]",
        "likely_sft_then_rl": f"{likely},grpo:{rl}",
        "rl_then_likely_sft": f"grpo:{rl},{likely}",
    }


def beginnings(whole: dict[str, str]) -> dict[str, str]:
    """Return what the schedules begin with, by the names of nodes of their own."""
    first = {
        name: next(strings.beginnings(whole[of]))
        for name, of in (
            ("short_sft", "short_sft_then_rl"),
            ("short_rl", "short_rl_then_sft"),
            ("likely_sft", "likely_sft_then_rl"),
            ("sft_before_replay", "sft_then_rl_with_replay"),
        )
    }
    *turns, _ = strings.beginnings(whole["interleaved"])
    return first | {f"interleaved_{stages}": text for stages, text in enumerate(turns, start=1)}


def _node(name: str) -> Node:
    def node(recipe: Recipe, seed: int) -> StageSpec:
        share = SMOKE_SHARE if recipe.scale == "smoke" else 1
        found = schedules(SFT_STEPS // share, RL_STEPS // share, recipe.sft.batch_size)
        return strings.build((found | beginnings(found))[name], recipe, seed)

    node.__doc__ = f"Return the schedule {(WHOLE | beginnings(WHOLE))[name]} from the base."
    return node


WHOLE = schedules(SFT_STEPS, RL_STEPS, batch=32)
"""As the embedded models' recipe has them."""
NODES: dict[str, Node] = {name: _node(name) for name in WHOLE | beginnings(WHOLE)}
PIPELINES: dict[str, tuple[str, ...]] = {}
GROUPS = {
    "schedules": (*SEQUENTIAL, *JOINT),
    "other_schedules": tuple(name for name in WHOLE if name not in (*SEQUENTIAL, *JOINT)),
}
"""All spend the whole of the compute. The first are compared by day, the others by night."""
