"""A record as data frames: every part of it that is rows, one pandas DataFrame each.

pandas is imported where it is needed: collecting the suites does without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coupling_bench import record as records

if TYPE_CHECKING:
    from pandas import DataFrame, Series

PER_STEP = ("steps", "loss", "reward", "mean_at_1")
"""Columns of ``curves`` that hold one number a step."""
OF_CLAIMS = {"requires": "requirements", "beside": "views"}
"""Parts of a claim that are rows themselves, and the frames they go to."""
OF_STAGES = ("options", "packages")
"""Parts of a stage with names of their own, which differ between kinds of stages."""

Row = dict[str, Any]


def frames(record: str | PathLike[str] | Mapping[str, Any]) -> dict[str, DataFrame]:
    """Return every part of a record that is rows as a tidy DataFrame, by its name.

    ``claims``, ``theorems``, ``stages``, ``abilities`` and ``groups`` have a row an entry;
    ``curves`` a row a step; ``effects`` a row a claim and seed; ``requirements`` and ``views``
    hold what the claims presuppose and what stands beside them; ``options`` and ``packages`` a row
    a stage and option or package. Each table of the record has its own name (``NAME_table`` where
    a part has it already). Parts without rows are left out. An interval is two columns
    (``interval_low``, ``interval_high``). What is unknown is missing: NaN among floats, NA
    elsewhere.

    Args:
        record: ``record.json``, the folder that it lies in, or what ``json.load`` makes of it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no record of this version's schema.
    """
    found = record if isinstance(record, Mapping) else read(Path(record))
    if found.get("schema") != records.SCHEMA:
        raise ValueError(
            f"frames: this record has schema {found.get('schema')!r}, "
            f"this version reads {records.SCHEMA}."
        )
    parts = _parts(found)
    for name, rows in (found.get("tables") or {}).items():
        parts[f"{name}_table" if name in parts else name] = rows or []
    return {name: _frame(rows) for name, rows in parts.items() if rows}


def read(path: Path) -> dict[str, Any]:
    """Return the record in a file, or in the ``record.json`` of a folder."""
    file = path / "record.json" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            f"frames: there is no record at {file}. A run of the suites writes one: pytest suites"
        )
    try:
        return records.read(file)
    except UnicodeDecodeError:
        raise ValueError(f"frames: {file} is not text, needed a record in JSON.") from None


def _parts(record: Mapping[str, Any]) -> dict[str, list[Row]]:
    claims, stages = (record.get(name) or [] for name in ("claims", "stages"))
    curves = [row for curve in record.get("curves") or [] for row in _by_step(curve)]
    found = {
        "claims": [_without(claim, "per_seed", *OF_CLAIMS) for claim in claims],
        "effects": [row for claim in claims for row in _by_seed(claim)],
        **{
            name: [_of(claim) | row for claim in claims for row in _nested(claim, part)]
            for part, name in OF_CLAIMS.items()
        },
        "stages": [_without(stage, *OF_STAGES) for stage in stages],
        **{part: [row for stage in stages for row in _named(stage, part)] for part in OF_STAGES},
        "curves": curves,
    }
    return found | {name: record.get(name) or [] for name in ("theorems", "abilities", "groups")}


def _of(claim: Row) -> Row:
    """Return what says whose row of a claim's it is."""
    return {key: claim.get(key) for key in ("claim", "model", "task")}


def _without(row: Row, *keys: str) -> Row:
    return {key: value for key, value in row.items() if key not in keys}


def _nested(claim: Row, part: str) -> list[Row]:
    return [_without(row, "per_seed") for row in claim.get(part) or []]


def _by_seed(claim: Row) -> list[Row]:
    """Return the effects of a claim and of the views beside it, one row a seed."""
    seeds = claim.get("seeds") or []
    views = [{**claim, "name": "effect"}, *(claim.get("beside") or [])]
    return [
        {**_of(claim), "view": view.get("name"), "unit": view.get("unit"),
         "seed": seed, "effect": effect}
        for view in views
        for seed, effect in zip(seeds, view.get("per_seed") or [], strict=False)
    ]  # fmt: skip


def _named(stage: Row, part: str) -> list[Row]:
    """Return one row for each option, or package, of a stage; its value as text."""
    of_stage = {key: stage.get(key) for key in ("model", "task", "node", "seed", "spec")}
    return [
        {**of_stage, "name": name, "value": v if isinstance(v, str) else json.dumps(v)}
        for name, v in (stage.get(part) or {}).items()
    ]


def _by_step(curve: Row) -> list[Row]:
    """Return a curve as one row a step; what was not measured along it is missing."""
    columns = {key: curve.get(key) or [] for key in PER_STEP}
    return [
        {**_without(curve, *PER_STEP), "step": step}
        | {key: values[place] if place < len(values) else None
           for key, values in columns.items() if key != "steps"}
        for place, step in enumerate(columns["steps"])
    ]  # fmt: skip


def _frame(rows: Iterable[Row]) -> DataFrame:
    import pandas as pd

    flat = [_flat(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    return pd.DataFrame({name: _column([row.get(name) for row in flat]) for name in names})


def _flat(row: Row) -> Row:
    """Return a row without nesting: intervals as two columns, anything else as JSON."""
    out: Row = {}
    for key, value in row.items():
        if key in ("interval", "within"):
            out[f"{key}_low"], out[f"{key}_high"] = value or (None, None)
        else:
            out[key] = json.dumps(value) if isinstance(value, list | dict) else value
    return out


def _column(values: list[Any]) -> Series:
    """Return values as a column of the narrowest of pandas' types that holds them all.

    The types are decided by what JSON says: 1.0 is a float, and a seed stays an integer beside
    one that is missing.
    """
    import pandas as pd

    kinds = {type(value) for value in values if value is not None}
    missing = None in values
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean" if missing else "bool")
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values if value is not None):
        return pd.Series(values, dtype="Int64" if missing else "int64")
    if kinds <= {int, float}:
        return pd.Series([_float(value) for value in values], dtype="float64")
    texts = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
    return pd.Series(texts, dtype="str")


def _float(value: float | None) -> float:
    """Return a number as a float, infinite where it is too large for one."""
    if value is None:
        return float("nan")
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
