"""The training graph: every stage and observation that a run needs, each once, parents first.

Independent nodes run side by side on the executor, as many as their threads leave room for. A
failed node fails what descends from it and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field

from coupling_bench.executors import Executor
from coupling_bench.fingerprint import address
from coupling_bench.pipelines import lineage, observations
from coupling_bench.specs import (
    EvaluationSpec,
    ExactSpec,
    Spec,
    StageSpec,
    TrainingSpec,
    is_stage,
    parent,
)
from coupling_bench.stages import unread_of_start
from coupling_bench.store import Store

ROWS_PER_OBSERVATION = 50_000
"""An observation's cost in trained rows, roughly: it only orders the queue."""
ALL_PROMPTS = 8_000
"""What a split is taken to hold, likewise."""


class DidNotRunError(Exception):
    """A node was not begun, because one that it descends from failed."""

    def __init__(self, failed: str, cause: BaseException):
        """Say that the node at address ``failed`` failed by ``cause``."""
        super().__init__(failed, cause)
        self.failed, self.cause = failed, cause


@dataclass
class Outcome:
    """What became of each node of a graph, by address."""

    made: set[str] = field(default_factory=set)
    reused: set[str] = field(default_factory=set)
    failed: dict[str, BaseException] = field(default_factory=dict)


def graph(
    runs: Iterable[tuple[StageSpec, int]], evaluations: Iterable[EvaluationSpec] = ()
) -> list[Spec]:
    """Return stages, their ancestors and all that is asked of them: each once, parents first.

    Args:
        runs: the last stage of each run, and the run's seed.
        evaluations: what lm-eval is to find, of stages among these.
    """
    stages: dict[str, Spec] = {}
    watched: dict[str, Spec] = {}
    seen = set()
    for final, seed in runs:
        for stage in lineage(final):
            run_of_it = address(stage), seed
            if run_of_it not in seen:  # many start from it
                seen.add(run_of_it)
                stages[address(stage)] = stage
                watched.update((address(o), o) for o in observations(stage, seed))
    watched.update((address(e), e) for e in evaluations)
    return [*stages.values(), *watched.values()]


def missing(nodes: list[Spec], store: Store) -> list[Spec]:
    """Return the nodes that the store does not hold, or not whole.

    What the run is going to read is compared with its manifest: what was asked of checkpoints, and
    the checkpoints that something missing starts from. An entry that is damaged is missing.

    Args:
        nodes: as returned by ``graph``, parents first.
        store: where they are looked up.
    """
    absent: set[str] = set()
    readers: dict[str | None, list[Spec]] = {}
    for spec in reversed(nodes):  # children first: they say which parents will be read
        name = address(spec)
        if name in readers:
            unread = {unread_of_start(child) for child in readers[name]}
            there = store.holds(spec, leave_out=unread.pop() if len(unread) == 1 else None)
        else:
            there = store.find(spec) is not None if is_stage(spec) else store.holds(spec)
        if not there:
            absent.add(name)
            readers.setdefault(_parent_address(spec), []).append(spec)
    return [spec for spec in nodes if address(spec) in absent]


def run(
    nodes: list[Spec],
    store: Store,
    executor: Executor,
    tell: Callable[[Spec, BaseException | None], None],
) -> Outcome:
    """Make what is missing of ``nodes`` (parents first) and return what became of each.

    Args:
        nodes: as returned by ``graph``.
        store: where entries are looked up and written.
        executor: makes one node at a time in each of its workers.
        tell: called after each node that was made or failed.
    """
    outcome = Outcome()
    waiting = {address(spec): spec for spec in missing(nodes, store)}
    outcome.reused = {address(spec) for spec in nodes} - set(waiting)
    urgency = _urgency(nodes)
    running: dict[Future[bool], Spec] = {}
    while waiting or running:
        blocked = set(waiting) | {address(spec) for spec in running.values()}
        ready = [s for s in waiting.values() if _parent_address(s) not in blocked]
        for spec in sorted(ready, key=lambda s: -urgency[address(s)]):
            above = _parent_address(spec) or ""
            cause = outcome.failed.get(above)
            if cause is not None:
                known = isinstance(cause, DidNotRunError)
                outcome.failed[address(spec)] = cause if known else DidNotRunError(above, cause)
            elif not running or _threads([*running.values(), spec]) <= executor.workers:
                running[executor.submit(spec)] = spec  # one by one: the next may be more urgent
            else:
                continue
            del waiting[address(spec)]
        done, _ = wait(running, return_when=FIRST_COMPLETED) if running else (set(), None)
        for future in done:
            spec = running.pop(future)
            error = future.exception()
            if error is not None:
                outcome.failed[address(spec)] = error
            else:
                (outcome.made if future.result() else outcome.reused).add(address(spec))
            tell(spec, error)
    return outcome


def _parent_address(spec: Spec) -> str | None:
    start = parent(spec)
    return address(start) if start is not None else None


def _threads(specs: Iterable[Spec]) -> int:
    """Return the threads of nodes side by side: more than there are cores would fight."""
    return sum(spec.threads for spec in specs)


def _urgency(nodes: list[Spec]) -> dict[str, float]:
    """Return the rows to train from each node to the end of its longest path: longest first."""
    longest = {address(spec): 0.0 for spec in nodes}
    for spec in reversed(nodes):  # children come after parents
        longest[address(spec)] += _rows(spec)
        above = _parent_address(spec)
        if above in longest:
            longest[above] = max(longest[above], longest[address(spec)])
    return longest


def _rows(spec: Spec) -> float:
    if not is_stage(spec):
        return ROWS_PER_OBSERVATION
    if isinstance(spec, ExactSpec):  # all answers of a prompt share it
        return spec.max_steps * (spec.batch or spec.prompts or ALL_PROMPTS)
    assumed = 300  # steps of a stage that is told in epochs
    steps = getattr(spec, "max_steps", assumed)
    return steps * spec.rows_per_step if isinstance(spec, TrainingSpec) else 0.0
