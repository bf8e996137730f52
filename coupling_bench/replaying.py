"""A suite's own test on other runs: would it notice what was done to them?

The test's body and its claim are taken as they stand; only the stages that it is told of are
others.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from coupling_bench.claims import Claim
from coupling_bench.deciding import Decision, decide
from coupling_bench.pipelines import NODES
from coupling_bench.requirements import HELD_OUT, RunsOf
from coupling_bench.runs import Runs

DATA = ("demonstrations", "prompts")
SCALE = "small"
"""A replay is always judged, also where a run itself gives no verdict."""


def claim_of(test: Callable[..., None]) -> Claim:
    """Return the claim that a suite's test is marked with.

    Raises:
        ValueError: it has none.
    """
    for mark in getattr(test, "pytestmark", ()):
        if mark.name == "claim":
            return mark.args[0]
    raise ValueError(f"replay: {getattr(test, '__name__', test)} declares no claim.")


def replay(
    test: Callable[..., None],
    runs: RunsOf,
    replaced: Mapping[str, Runs] | None = None,
    accepted: str | None = None,
) -> Decision:
    """Return what a suite's test decides when some of its stages are others.

    Where no verdict was accepted before, the outcome is ``passed`` if the claim is supported, and
    else it is not: ``skipped`` where a requirement is not met, which turns no run red. Where
    ``supported`` was, anything else is ``failed``.

    Args:
        test: the test of a suite.
        runs: the runs of a node by its name.
        replaced: runs that stand for those of a node, in the claim's requirements too.
        accepted: the verdict that was recorded before.

    Raises:
        ValueError: the test declares no claim, decides nothing, or asks for something else than
            nodes, data and ``decide``.
    """
    claim = claim_of(test)
    decided: list[Decision] = []
    wanted = list(inspect.signature(test).parameters)
    nodes = [name for name in wanted if name in NODES]

    def of(node: str) -> Runs:
        return replaced[node] if replaced and node in replaced else runs(node)

    def judge(differences: Any) -> None:
        seeds = max((of(node).seeds for node in nodes), key=len)
        found = decide(claim, differences, runs=of, seeds=seeds, scale=SCALE, accepted=accepted)
        decided.append(found)

    given = {"decide": judge, "table": lambda name, rows: None, **dict.fromkeys(DATA, HELD_OUT)}
    unknown = [name for name in wanted if name not in given and name not in NODES]
    if unknown:
        raise ValueError(
            f"replay: {test.__name__} asks for {', '.join(unknown)}; only nodes, "
            f"{', '.join(given)} can be given."
        )
    test(**{name: given[name] if name in given else of(name) for name in wanted})
    if not decided:
        raise ValueError(f"replay: {test.__name__} decided nothing.")
    return decided[-1]


def is_green(decision: Decision) -> bool:
    """Say whether a suite would pass on what was decided: its claim is supported."""
    return decision.outcome == "passed"


def redness(decision: Decision) -> float:
    """Return 1 where a suite would not be green, and -1 where it would: a theorem's slack."""
    return -1.0 if is_green(decision) else 1.0


def row(stage: str, decision: Decision) -> dict[str, Any]:
    """Return what the table ``defects`` says of a claim that was judged with a defective stage."""
    kept = ("claim", "verdict", "effect", "unit", "message")
    return {"stage": stage, "outcome": decision.outcome, **{k: decision.record[k] for k in kept}}
