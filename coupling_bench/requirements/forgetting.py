"""Preconditions of claims about forgetting, and views beside them: of several nodes together."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from coupling_bench.measures import razor, razor_fits
from coupling_bench.requirements import (
    Beside,
    Requirement,
    RunsOf,
    judges_sentences,
    over_seeds,
)
from coupling_bench.runs import Array

Fit = Callable[[list[razor.Point]], float]


def each_seed(fit: Fit, points: list[razor.Point]) -> Array:
    """Return a number of each seed's points, ``(S,)``, the lowest seed first."""
    return np.array([fit(found) for found in razor_fits.by_seed(points).values()])


def points_of(nodes: tuple[str, ...], runs: RunsOf) -> list[razor.Point]:
    """Return the points of nodes, the base among them or not."""
    return razor.points([runs(node) for node in nodes], runs("base"))


def most_forgotten(points: list[razor.Point]) -> float:
    """Return what the point that has forgotten most has, in accuracy."""
    return max(point.forgetting for point in points)


def something_is_forgotten(nodes: tuple[str, ...], above: float) -> Requirement:
    """Require that the node that forgets most loses more than ``above`` of out-of-domain accuracy.

    Where nothing is forgotten a curve describes how training helps, and no razor.
    """
    return Requirement(
        name="out-of-domain accuracy lost by the stage that loses most",
        unit="accuracy",
        nodes=nodes,
        measure=lambda runs: over_seeds(each_seed(most_forgotten, points_of(nodes, runs))),
        above=above,
    )


def equally_far(
    nodes: tuple[str, ...], of: Collection[str], than: Collection[str], within: float
) -> Requirement:
    """Require a pair of two kinds of methods whose forward KL differ by less than a factor.

    Where there is none, what they forget at an equal one is a matter of the curve between them.
    """
    return Requirement(
        name="log ratio of forward KL of the pair of RL and SFT that is nearest",
        unit="nats",
        nodes=nodes,
        measure=lambda runs: over_seeds(
            each_seed(lambda p: razor_fits.nearest_pair(p, of, than), points_of(nodes, runs))
        ),
        below=float(np.log(within)),
    )


def knows_out_of_domain(node: str) -> Requirement:
    """Require out-of-domain MCC above 0: a base that judges nothing there has nothing to forget."""
    return judges_sentences(node, razor.PRIOR)


def beside(name: str, unit: str, nodes: tuple[str, ...], fit: Fit, note: str = "") -> Beside:
    """Show another number of the points of the same nodes."""
    return Beside(
        name=name,
        unit=unit,
        nodes=nodes,
        measure=lambda runs: each_seed(fit, points_of(nodes, runs)),
        note=note,
    )
