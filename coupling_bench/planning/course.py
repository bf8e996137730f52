"""How far a running graph is, and how much time is left of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from coupling_bench.fingerprint import address
from coupling_bench.planning import experience
from coupling_bench.planning.experience import Experience, Work
from coupling_bench.planning.schedules import Time, time_of
from coupling_bench.progress import Progress
from coupling_bench.specs import Spec, is_stage, parent
from coupling_bench.store import Store


@dataclass
class Running:
    """A node that is being made."""

    first: Progress
    """What it told first; before that it loads, which says nothing of its pace."""
    begun: float
    last: Progress
    heard: float

    def whole(self) -> float | None:
        """Return the seconds from its first step to its last at its pace; None before there is one.

        Steps that were done before this run began are none of its pace.
        """
        done = self.last.step - self.first.step
        return (self.heard - self.begun) / done * self.last.total if done > 0 else None

    def left(self, now: float) -> float | None:
        """Return the seconds that it still takes."""
        whole = self.whole()
        if whole is None or not self.last.total:
            return None
        rest = whole * (1 - self.last.step / self.last.total)
        return max(0.0, rest - (now - self.heard))


class Course:
    """Counts nodes as they are made, and foretells the rest from what was measured."""

    def __init__(
        self,
        nodes: Iterable[Spec],
        absent: Iterable[Spec],
        store: Store,
        workers: int,
        clock: Callable[[], float] = time.monotonic,
    ):
        """Begin; what the store's manifests say counts until this run knows better.

        Args:
            nodes: the whole graph, parents first.
            absent: what is to be made of it.
            store: where what was made is found.
            workers: how many nodes of one thread are made side by side.
            clock: seconds.
        """
        self.clock, self.started, self.workers = clock, clock(), workers
        self.waiting = {address(spec): spec for spec in absent}
        self.running: dict[str, Running] = {}
        self.stages = sum(is_stage(spec) for spec in nodes)
        self.stored = self.stages - sum(is_stage(spec) for spec in self.waiting.values())
        self.made = self.failed = 0
        self._store, self._here = store, Experience()
        self._work = {name: Work.of(spec) for name, spec in self.waiting.items()}
        kinds = {type(spec).__name__ for spec in self.waiting.values()}
        self._before = experience.of_store(store, kinds)
        self._left: tuple[float, Time] | None = None

    def progress(self, message: Progress) -> None:
        """Take in how far a node is."""
        if message.note or message.address not in self.waiting:
            return
        now = self.clock()
        running = self.running.get(message.address)
        if running is None:
            self.running[message.address] = Running(message, now, message, now)
        else:
            running.last, running.heard = message, now

    def finished(self, spec: Spec, error: BaseException | None) -> None:
        """Take in that a node was made, or failed with all that descends from it."""
        name = address(spec)
        if self.waiting.pop(name, None) is None:
            return
        self.running.pop(name, None)
        self._left = None
        if error is not None:
            self.failed += is_stage(spec)
            for child in [s for s in self.waiting.values() if _starts_from(s, name)]:
                self.finished(child, error)
            return
        self.made += is_stage(spec)
        entry = self._store.find(spec)
        if entry is not None:
            self._here.learn(self._work[name], entry.manifest["seconds"])

    def left_of(self, name: str) -> float | None:
        """Return the seconds that a node at work still takes; None where nothing tells."""
        running = self.running.get(name)
        return running.left(self.clock()) if running else None

    def left(self) -> Time:
        """Return what is left of the graph; computed anew once a second at most."""
        now = self.clock()
        if self._left is None or now - self._left[0] >= 1.0:
            self._left = now, self._time_left()
        return self._left[1]

    def _time_left(self) -> Time:
        now, at_pace = self.clock(), Experience()
        running = dict(self.running)  # another thread tells how far they are
        for name, node in running.items():
            if name in self._work and (whole := node.whole()) is not None:
                at_pace.learn(self._work[name], whole)

        def seconds(spec: Spec) -> float | None:
            node = running.get(address(spec))
            if node is not None and (left := node.left(now)) is not None:
                return left
            work = self._work[address(spec)]
            known = (e.seconds(work) for e in (self._here, at_pace, self._before))
            expected = next((found for found in known if found is not None), None)
            if expected is None or node is None:
                return expected
            return max(0.0, expected - (now - node.begun))

        return time_of(list(self.waiting.values()), seconds, self.workers)


def _starts_from(spec: Spec, name: str) -> bool:
    start = parent(spec)
    return start is not None and address(start) == name
