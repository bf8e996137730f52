"""RL's Razor: RL that stops where it is about as far from the base as SFT comes (arXiv:2509.04259).

Run to its end RL goes many times as far as SFT, and what it forgets at an equal distance would be a
matter of the curve that is drawn between. An eighth of its steps was chosen by the forward KL and
the reward along the spine's RL, which are SFT's there or more; what it forgets had not been
observed on the way.
"""

from __future__ import annotations

from dataclasses import replace

from coupling_bench.pipelines import spine, trainers
from coupling_bench.pipelines.controls import NO_SNAPSHOTS
from coupling_bench.pipelines.recipe import Node, Recipe
from coupling_bench.specs import GRPOSpec

SHARE = 8


def rl_stopped_early(recipe: Recipe, seed: int) -> GRPOSpec:
    """Return RL from the base for an eighth of its steps."""
    whole = spine.rl(recipe, seed)
    steps = max(1, whole.max_steps // SHARE)
    return replace(whole, max_steps=steps, snapshot_every=NO_SNAPSHOTS)


NODES: dict[str, Node] = {"rl_stopped_early": rl_stopped_early}
PIPELINES: dict[str, tuple[str, ...]] = {}

COMPARED: tuple[str, ...] = (*spine.NODES, *trainers.NODES, *NODES)
"""What claims of the razor are judged by: the base, and both orders with every trainer."""
