"""How long many nodes take side by side, as far as it is known how long each takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from coupling_bench.fingerprint import address
from coupling_bench.specs import Spec, parent


@dataclass(frozen=True, kw_only=True)
class Time:
    """What is left of a graph, in seconds; of its nodes that nobody has timed nothing counts."""

    work: float
    """One node after the other, each as long as it takes by itself."""
    wall: float
    """On the workers that there are."""
    unknown: int
    """Nodes whose time is not known."""

    def __str__(self) -> str:
        """Return the wall time in words; ``-`` where nothing is known."""
        if self.unknown and not self.wall:
            return "-"
        return f"{'at least' if self.unknown else 'about'} {duration(self.wall)}"


def time_of(nodes: Iterable[Spec], seconds: Callable[[Spec], float | None], workers: int) -> Time:
    """Return how long ``nodes`` (parents first) take.

    A wall time is never below the work divided among the workers, nor below the longest path of
    nodes that wait for each other; how far above depends on the order, and is not counted.

    Args:
        nodes: that are to be made; what they start from and is not among them is there.
        seconds: of each node; None where that is not known.
        workers: cores that nodes run on, each on as many as it has threads.
    """
    ends: dict[str, float] = {}
    work = cores = 0.0
    unknown = 0
    for spec in nodes:
        known = seconds(spec)
        unknown += known is None
        takes = known or 0.0
        work += takes
        cores += takes * min(spec.threads, workers)
        start = parent(spec)
        begins = ends.get(address(start), 0.0) if start is not None else 0.0
        ends[address(spec)] = begins + takes
    wall = max(cores / workers, max(ends.values(), default=0.0))
    return Time(work=work, wall=wall, unknown=unknown)


def duration(seconds: float) -> str:
    """Return a time as people say it: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
