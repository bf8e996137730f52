"""A graph as text and as data, before it is trained: ``pytest suites --plan``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from coupling_bench.collected import Name
from coupling_bench.planning.overview import Foreseen, Overview
from coupling_bench.planning.schedules import duration

MOST_ROWS = 200
"""A plan of more nodes is told by node, all models together."""
COLUMNS = ("node", "kind", "models", "seeds", "in the store", "time", "tests")
NUMBERS = COLUMNS[2:]
"""Columns that are read downwards, from the right."""


@dataclass(frozen=True)
class _Row:
    """Nodes that are told in one line, and the key of the line that they start from."""

    title: str
    members: list[Foreseen]
    above: Hashable | None


def plan_lines(
    plan: Overview,
    names: Mapping[str, Name],
    tests: Mapping[tuple[str, str], Sequence[str]],
    *,
    detailed: bool = False,
) -> Iterator[str]:
    """Yield the table of a plan, a tree by what starts from what, and a last line that sums it up.

    Args:
        plan: the graph.
        names: what its stages are called, by address.
        tests: which tests need a node of a model.
        detailed: each stage on a line of its own, with its address, however many there are.
    """
    rows = _rows(plan, names, detailed)
    cells = [dict(zip(COLUMNS, COLUMNS, strict=True))]
    cells += [_cells(row, indent, names, tests) for indent, row in _tree(rows)]
    several = any(row["models"] not in ("models", "1") for row in cells)
    shown = [name for name in COLUMNS if several or name != "models"]
    widths = {name: max(len(row[name]) for row in cells) for name in shown}
    for row in cells:
        padded = (
            row[name].rjust(widths[name]) if name in NUMBERS else row[name].ljust(widths[name])
            for name in shown
        )
        yield "  ".join(padded).rstrip()
    yield ""
    yield summary(plan)


def summary(plan: Overview) -> str:
    """Return what is there, what is to be made, and what that will take, in a sentence or two."""
    stages = [node for node in plan.nodes if node.stage]
    absent = [node for node in stages if not node.stored]
    asked = [node for node in plan.absent if not node.stage]
    text = (
        f"{len(stages)} stages: {len(stages) - len(absent)} in the store, {len(absent)} to train, "
        f"and {len(asked)} observations to make."
    )
    if not plan.absent:
        return text
    if plan.time.unknown == len(plan.absent):
        return f"{text} How long it takes is not known: the store has nothing like them."
    least = "at least " if plan.time.unknown else "about "
    text += (
        f" That is {least}{duration(plan.time.work)} of work, {least}{duration(plan.time.wall)} on "
        f"{plan.workers} worker{'s' * (plan.workers != 1)}, and {least}{_bytes(plan.size)} of disk."
    )
    if plan.time.unknown:
        text += f" Of {plan.time.unknown} the store has nothing like them; they are left out."
    return text


def plan_data(
    plan: Overview, names: Mapping[str, Name], tests: Mapping[tuple[str, str], Sequence[str]]
) -> dict[str, Any]:
    """Return a plan as JSON types: each node, and the sums. Seconds and bytes; null: not known."""
    nodes = []
    for node in plan.nodes:
        name = names.get(_stage(node))
        told = asdict(name) if name else {"model": None, "node": None, "seed": None}
        needed = list(tests.get((name.model, name.node), ())) if name else []
        nodes.append({**told, **asdict(node), "tests": needed})
    stages = [node for node in plan.nodes if node.stage]
    known = plan.time.unknown < max(len(plan.absent), 1)
    return {
        "nodes": nodes,
        "stages": len(stages),
        "stored": sum(node.stored for node in stages),
        "to_train": sum(not node.stored for node in stages),
        "workers": plan.workers,
        "work_seconds": plan.time.work if known else None,
        "wall_seconds": plan.time.wall if known else None,
        "bytes": plan.size if known else None,
        "not_estimated": plan.time.unknown,
    }


def _stage(node: Foreseen) -> str:
    """Return the address of the stage that a node is, or is asked of."""
    return node.address if node.stage else node.start or node.address


def _rows(plan: Overview, names: Mapping[str, Name], detailed: bool) -> dict[Hashable, _Row]:
    """Return the lines by their key, what they start from first; a stage with its observations."""
    named = {(name.model, name.node) for n in plan.nodes if (name := names.get(_stage(n)))}
    together = len(named) > MOST_ROWS
    several = len({model for model, _ in named}) > 1
    keys: dict[str, Hashable] = {}
    found: dict[Hashable, _Row] = {}
    for node in plan.nodes:  # stages first
        if node.stage:
            above, name = keys.get(node.start or ""), names.get(node.address)
            key: Hashable = (above, node.kind)
            title = "(no fixture)"
            if detailed:
                key, title = node.address, f"{name or title}, {node.address}"
            elif name is not None:
                key = name.node if together else (name.model, name.node)
                title = f"{name.model}: {name.node}" if several and not together else name.node
            keys[node.address] = key
            found.setdefault(key, _Row(title, [], above if above != key else None))
        found[keys[_stage(node)]].members.append(node)
    return found


def _tree(rows: Mapping[Hashable, _Row]) -> Iterator[tuple[int, _Row]]:
    """Yield the lines with how deep they stand, each before those that start from it."""
    below = defaultdict(list)
    for key, row in rows.items():
        below[row.above if row.above in rows else None].append(key)
    waiting = [(0, key) for key in reversed(below[None])]
    while waiting:
        depth, key = waiting.pop()
        yield depth, rows[key]
        waiting += [(depth + 1, child) for child in reversed(below[key])]


def _cells(
    row: _Row,
    indent: int,
    names: Mapping[str, Name],
    tests: Mapping[tuple[str, str], Sequence[str]],
) -> dict[str, str]:
    stages = [node for node in row.members if node.stage]
    named = [name for node in stages if (name := names.get(node.address))]
    needed = {test for n in {(n.model, n.node) for n in named} for test in tests.get(n, ())}
    return {
        "node": "  " * indent + row.title,
        "kind": "+".join(dict.fromkeys(node.kind for node in stages)),
        "models": str(len({name.model for name in named})),
        "seeds": str(len({name.seed for name in named})),
        "in the store": f"{sum(node.stored for node in stages)}/{len(stages)}",
        "time": _time([node for node in row.members if not node.stored]),
        "tests": str(len(needed)),
    }


def _time(absent: Sequence[Foreseen]) -> str:
    """Return what is left of a line, in work; ``?`` where nothing of it is known."""
    if not absent:
        return "-"
    known = [node.seconds for node in absent if node.seconds is not None]
    if not known:
        return "?"
    return ("" if len(known) == len(absent) else "> ") + duration(sum(known))


def _bytes(size: float) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
