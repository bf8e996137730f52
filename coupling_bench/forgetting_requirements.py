"""Preconditions of claims about forgetting, and views beside them: of several nodes together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from coupling_bench.measures import ability, razor, razor_fits
from coupling_bench.requirements import Beside, Measured, Requirement, RunsOf, over_seeds
from coupling_bench.runs import Array

Fit = Callable[[list[razor.Point]], float]


def each_seed(fit: Fit, points: list[razor.Point]) -> Array:
    """Return a number of each seed's points, ``(S,)``, the lowest seed first."""
    return np.array([fit(found) for found in razor_fits.by_seed(points).values()])


def points_of(nodes: tuple[str, ...], runs: RunsOf) -> list[razor.Point]:
    """Return the points of nodes, the base among them or not."""
    return razor.points([runs(node) for node in nodes], runs("base"))


def something_is_forgotten(nodes: tuple[str, ...], above: float) -> Requirement:
    """Require that the node that forgets most loses more than ``above`` of out-of-domain accuracy.

    Where nothing is forgotten a curve describes how training helps, and no razor.
    """

    def measure(runs: RunsOf) -> Measured:
        points = points_of(nodes, runs)
        return over_seeds(each_seed(lambda found: max(p.forgetting for p in found), points))

    return Requirement(
        name="out-of-domain accuracy lost by the stage that loses most",
        unit="accuracy",
        nodes=nodes,
        measure=measure,
        above=above,
    )


def knows_out_of_domain(node: str) -> Requirement:
    """Require out-of-domain MCC above 0: a base that judges nothing there has nothing to forget."""

    def measure(runs: RunsOf) -> Measured | None:
        if runs(node).task.answers is None:
            return None
        values = ability.mcc(runs(node), razor.PRIOR)
        interval = ability.mcc_interval(runs(node), razor.PRIOR)
        return Measured(interval=interval, per_seed=tuple(values.tolist()))

    return Requirement(
        name=f"out-of-domain MCC of {node}, over seeds and items",
        unit="MCC",
        nodes=(node,),
        measure=measure,
        above=0.0,
    )


def beside(name: str, unit: str, nodes: tuple[str, ...], fit: Fit, note: str = "") -> Beside:
    """Show another number of the points of the same nodes."""

    def measure(runs: RunsOf) -> Array:
        return each_seed(fit, points_of(nodes, runs))

    return Beside(name=name, unit=unit, nodes=nodes, measure=measure, note=note)


def choices_forgotten(node: str, than: str) -> Beside:
    """Show how many more of its likeliest answers a node has forgotten than another."""

    def measure(runs: RunsOf) -> Array | None:
        if runs(node).task.answers is None:
            return None
        return ability.accuracy(runs(than), razor.PRIOR) - ability.accuracy(runs(node), razor.PRIOR)

    return Beside(
        name=f"the same of likeliest answers, {node} against {than}",
        unit="accuracy",
        nodes=(node, than),
        measure=measure,
        note="which sharpening or smoothing the same answers cannot change",
    )
