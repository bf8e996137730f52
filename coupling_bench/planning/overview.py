"""What a run would make, before anything is made: each node, what is in the store, and the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from coupling_bench.fingerprint import address
from coupling_bench.planning import experience
from coupling_bench.planning.experience import Experience, Work
from coupling_bench.planning.schedules import Time, time_of
from coupling_bench.specs import Spec, is_stage, parent
from coupling_bench.store import Store


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """One node of a graph."""

    address: str
    kind: str
    """Of what it does: ``SFT``, ``GRPO``, ``Observation``."""
    start: str | None
    """The address of the stage that it starts from, or is asked of."""
    stage: bool
    """Whether it leaves a checkpoint, and is not what is asked of one."""
    stored: bool
    seconds: float | None
    """It is expected to take; None if it is stored, or if nothing like it was made before."""
    size: float | None
    """Bytes of its files, likewise."""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A whole graph."""

    nodes: tuple[Foreseen, ...]
    """Parents first."""
    workers: int
    time: Time
    """Of what is not in the store."""

    @property
    def absent(self) -> list[Foreseen]:
        """What is to be made."""
        return [node for node in self.nodes if not node.stored]

    @property
    def size(self) -> float:
        """Bytes of what is to be made, as far as they are known."""
        return sum(node.size or 0.0 for node in self.nodes)


def overview(nodes: Iterable[Spec], absent: Iterable[Spec], store: Store, workers: int) -> Overview:
    """Look at a graph; its estimates are what the store's manifests say of nodes like these.

    Args:
        nodes: as ``graph.graph`` returns them.
        absent: those that the store does not hold.
        store: it need not exist.
        workers: how many nodes of one thread would be made side by side.
    """
    waiting = list(absent)
    known = experience.of_store(store, {type(spec).__name__ for spec in waiting})
    work = {address(spec): Work.of(spec) for spec in waiting}
    return Overview(
        nodes=tuple(_foreseen(spec, work.get(address(spec)), known) for spec in nodes),
        workers=workers,
        time=time_of(waiting, lambda spec: known.seconds(work[address(spec)]), workers),
    )


def _foreseen(spec: Spec, work: Work | None, known: Experience) -> Foreseen:
    start = parent(spec)
    return Foreseen(
        address=address(spec),
        kind=type(spec).__name__.removesuffix("Spec"),
        start=address(start) if start is not None else None,
        stage=is_stage(spec),
        stored=work is None,
        seconds=known.seconds(work) if work else None,
        size=known.size(work) if work else None,
    )
