"""Several records as one: several models, or tasks, on one page."""

import json
from collections.abc import Sequence
from math import isclose
from typing import Any

from coupling_bench.report.reading import ROWS
from coupling_bench.report.text import is_number

Record = dict[str, Any]


def merge(found: Sequence[tuple[str, Record]]) -> Record:
    """One record of all rows of some, named ones, each claim and run with its record's name.

    The same random instances of a theorem, checked in several runs, count once. Tasks of one name
    whose constants differ (they were made at different scales) get names of their own.
    """
    apart = _told_apart([record for _, record in found])
    merged: Record = {name: [] for name in ROWS}
    merged |= {"schema": apart[0]["schema"], "tables": {}, "constants": {}, "runs": []}
    for (name, _), record in zip(found, apart, strict=True):
        before = len(merged["claims"])
        for part in ROWS:
            merged[part] += record.get(part) or []
        merged["claims"][before:] = [{**c, "record": name} for c in merged["claims"][before:]]
        for table, rows in (record.get("tables") or {}).items():
            merged["tables"].setdefault(table, []).extend(rows or [])
        merged["constants"] |= record.get("constants") or {}
        merged["runs"].append({
            "record": name, "created": record.get("created"),
            **(record.get("environment") or {}),
        })  # fmt: skip
    merged["theorems"] = _once(merged["theorems"])
    merged["created"] = max((r.get("created") or "" for r in apart), default="") or None
    merged["measurement"] = next(filter(None, (r.get("measurement") for r in apart)), None)
    return merged


def _once(rows: list[Record]) -> list[Record]:
    """Theorems without those that say the same again."""
    return list({json.dumps(row, sort_keys=True): row for row in rows}.values())


def _told_apart(records: list[Record]) -> list[Record]:
    """Records whose tasks share a name only where they share their constants."""
    known: dict[str, Record] = {}
    told = []
    for record in records:
        names = {}
        for task, constants in (record.get("constants") or {}).items():
            name, count = task, 1
            while name in known and not _same(known[name], constants):
                count += 1
                name = f"{task} ({count})"
            known.setdefault(name, constants)
            names[task] = name
        told.append(_renamed(record, {k: v for k, v in names.items() if k != v}))
    return told


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal but for rounding."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_same(one[key], other[key]) for key in one.keys() & other.keys())
    if is_number(one) and is_number(other):
        return isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


def _renamed(record: Record, names: dict[str, str]) -> Record:
    """A record with other names for its tasks."""
    if not names:
        return record

    def of_rows(rows: list[Record]) -> list[Record]:
        return [
            {**row, "task": names.get(row["task"], row["task"])} if row.get("task") else row
            for row in rows
        ]

    tables = {name: of_rows(rows or []) for name, rows in (record.get("tables") or {}).items()}
    constants = {names.get(k, k): v for k, v in (record.get("constants") or {}).items()}
    parts = {part: of_rows(record.get(part) or []) for part in ROWS}
    return {**record, **parts, "tables": tables, "constants": constants}
