"""Records as people hand them over: files and folders, each read or refused in one sentence."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coupling_bench.report import SCHEMA
from coupling_bench.report.shapes import wrong
from coupling_bench.report.text import counted, listed

NAME = "record.json"
ROWS = ("claims", "theorems", "stages", "curves", "abilities", "groups", "completions")
"""Parts of a record that are rows."""
NAMED = ("tables", "constants", "environment", "measurement")
"""Parts of a record that hold others by their names."""
WRITE_ONE = "A run of the suites writes one: pytest suites"

Record = dict[str, Any]


def read_all(paths: Sequence[Path]) -> list[tuple[str, Record]]:
    """Return records with the names they are told apart by, in the order given.

    Raises:
        OSError: a file is not there, or cannot be read.
        ValueError: one is no record, is empty, or is of another schema; or two hold the same model
            and task.
    """
    files = [_file(path) for path in paths]
    found = [(str(file), _json(file)) for file in files]
    _check_schemas(found)
    for name, record in found:
        _check(name, record)
    _check_apart(found)
    return found


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    if not (path / NAME).is_file():
        raise FileNotFoundError(f"report: the folder {path} holds no {NAME}. {WRITE_ONE}")
    return path / NAME


def _json(file: Path) -> Any:
    try:
        text = file.read_text(encoding="utf-8")
        found = json.loads(text)
        if "\\ud" in text.lower():  # half a character cannot be written to any file again
            json.dumps(found, ensure_ascii=False).encode()
    except FileNotFoundError:
        raise FileNotFoundError(f"report: there is no file {file}. {WRITE_ONE}") from None
    except UnicodeError:
        raise ValueError(f"report: {file} is not text, needed a record in JSON.") from None
    except json.JSONDecodeError as error:
        raise ValueError(
            f"report: {file} is not JSON (line {error.lineno}: {error.msg}). {WRITE_ONE}"
        ) from None
    except RecursionError:
        raise ValueError(f"report: {file} is nested too deeply for a record.") from None
    return found


def _check_schemas(found: list[tuple[str, Any]]) -> None:
    """Refuse what another version has written, all such files at once."""
    schemas = {name: one.get("schema") if isinstance(one, dict) else None for name, one in found}
    others = {name: schema for name, schema in schemas.items() if schema != SCHEMA}
    if others:
        told = [f"{name} has schema {schema!r:.40}" for name, schema in others.items()]
        raise ValueError(
            f"report: {listed(told)}, needed records of schema {SCHEMA}. Write "
            f"{'it' if len(told) == 1 else 'them'} with this version: pytest suites"
        )


def _check(name: str, record: Record) -> None:
    """Refuse a record that has nothing to show, or whose parts are no rows."""
    for part in ROWS:
        rows = record.get(part) or []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"report: {name} has {part!r} that are no rows. {WRITE_ONE}")
        for row in rows:
            if lacks := wrong(part, row):
                raise ValueError(f"report: an entry of {part!r} in {name} has {lacks}. {WRITE_ONE}")
    for part in NAMED:
        if not isinstance(record.get(part) or {}, dict):
            raise ValueError(f"report: {name} has {part!r} that name nothing. {WRITE_ONE}")
    if lacks := wrong("environment", record.get("environment") or {}):
        raise ValueError(f"report: the environment of {name} has {lacks}. {WRITE_ONE}")
    measured = record.get("measurement")
    if measured and not all(isinstance(measured.get(k), list) for k in ("checkpoints", "pairs")):
        raise ValueError(
            f"report: {name} has a measurement without checkpoints and pairs. Write it again: "
            "coupling-bench measure"
        )
    if not any(record.get(part) for part in (*ROWS, "tables", "measurement")):
        raise ValueError(f"report: {name} holds no claim and nothing else to show. {WRITE_ONE}")


def _check_apart(found: list[tuple[str, Record]]) -> None:
    """Refuse two records of one model and task: a cell of the matrix has one verdict."""
    whose: dict[tuple[str, str], str] = {}
    for name, record in found:
        for setting in dict.fromkeys((c["model"], c["task"]) for c in record.get("claims") or []):
            if setting in whose:
                model, task = setting
                raise ValueError(
                    f"report: {whose[setting]} and {name} both hold model {model} on task {task}, "
                    "needed one record of each model and task. Compare the two: coupling-bench "
                    f"compare {whose[setting]} {name}"
                )
            whose[setting] = name
    measured = [name for name, record in found if record.get("measurement")]
    if measured and len(found) > 1:
        raise ValueError(
            f"report: {measured[0]} holds checkpoints measured side by side, which stand alone; "
            f"{counted(len(found), 'record')} were named. Show it by itself: coupling-bench report "
            f"{measured[0]} -o FOLDER"
        )
