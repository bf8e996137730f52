"""The named nodes of the training graph, as pure functions from a recipe and a seed to a spec.

A node's name is the name of its fixture and of its row in the report, its docstring is the
fixture's. A new node is one function and one entry in the ``NODES`` of its module; a new family of
nodes is a module and one entry in ``FAMILIES``.
"""

from __future__ import annotations

from collections.abc import Iterator

from coupling_bench.pipelines import (
    controls,
    demonstrators,
    fixed_points,
    healing,
    landscape,
    pear,
    razor,
    schedule_sweeps,
    schedules,
    spectra,
    spine,
    trainers,
    validity,
)
from coupling_bench.pipelines.observing import (
    SplitName,
    evaluation,
    landscape_of,
    observation,
    observations,
    observed_splits,
    splits_of,
)
from coupling_bench.pipelines.recipe import Node, NotHereError, Recipe
from coupling_bench.specs import StageSpec, parent

__all__ = [
    "FAMILIES",
    "GROUPS",
    "LEAST_SEEDS",
    "NODES",
    "PIPELINES",
    "Node",
    "NotHereError",
    "Recipe",
    "SplitName",
    "evaluation",
    "landscape_of",
    "lineage",
    "observation",
    "observations",
    "observed_splits",
    "splits_of",
]

FAMILIES = (
    spine, trainers, fixed_points, demonstrators, controls, validity, landscape, healing, spectra,
    pear, schedules, schedule_sweeps, razor,
)  # fmt: skip

NODES: dict[str, Node] = {name: node for family in FAMILIES for name, node in family.NODES.items()}

PIPELINES: dict[str, tuple[str, ...]] = {
    name: nodes for family in FAMILIES for name, nodes in family.PIPELINES.items()
}
"""Orders whose curves the report draws, as stages after the base."""

LEAST_SEEDS: dict[str, int] = {
    name: seeds for family in FAMILIES for name, seeds in getattr(family, "LEAST_SEEDS", {}).items()
}
"""Nodes that are trained with so many seeds at least, whatever the run's number."""

GROUPS: dict[str, tuple[str, ...]] = {
    name: nodes for family in FAMILIES for name, nodes in getattr(family, "GROUPS", {}).items()
}
"""Nodes that go together: a test with the name of a group as a parameter needs them all."""


def lineage(stage: StageSpec) -> Iterator[StageSpec]:
    """Yield ``stage`` and what it descends from, the oldest first."""
    start = parent(stage)
    if start is not None:
        yield from lineage(start)
    yield stage
