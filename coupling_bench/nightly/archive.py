"""A folder that keeps records: plain files, read, listed and written anew, never changed.

Any folder or mounted object store will do. A file's name begins with the record's time, so that
names sort as nights do, and ends with the sha256 of its content: half a file is known for what it
is, and the same record twice is one file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from coupling_bench.record import SCHEMA, Record
from coupling_bench.report.shapes import wrong

NAME = re.compile(r"\d{8}T\d{6}Z?-[0-9a-z]+-([0-9a-f]{12})\.json")
OF_STAGES = ("node", "model", "task", "spec", "seed", "steps", "wall_seconds", "device", "reused")
"""What is kept of a stage; options and versions are the recipe's and the environment's."""
TEXTS = ("claim", "model", "task", "scale", "direction", "unit")
NUMBERS = ("margin", "alpha")
"""What every claim has."""
OF_MACHINE = ("command",)
"""What is not kept of an environment: it names folders of the machine that it ran on."""
LEFT_OUT = ("beside",)
"""What is not kept of a claim: no gate reads it, and it is half of a record."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What a folder holds."""

    records: list[Record]
    """Oldest first."""
    left_out: list[str]
    """Sentences: which file was not read, and why."""


def add(record: Record, folder: Path) -> Path:
    """Keep what history and gate read of a record; return its file, which may be there already.

    Raises:
        ValueError: it holds numbers that no file can keep.
    """
    try:
        text = json.dumps(_slim(record), separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise ValueError("a record that holds NaN or infinity, which JSON has not") from None
    content = text.encode() + b"\n"
    folder.mkdir(parents=True, exist_ok=True)
    created = datetime.fromisoformat(record["created"]).strftime("%Y%m%dT%H%M%SZ")
    commit = str((record.get("environment") or {}).get("commit") or "")
    commit = re.sub(r"[^0-9a-z]", "", commit)[:8] or "nocommit"
    path = folder / f"{created}-{commit}-{_sum(content)}.json"
    if path.is_file() and path.read_bytes() == content:
        return path
    draft = folder / f".{path.name}.{os.getpid()}"
    draft.write_bytes(content)
    try:
        os.replace(draft, path)
    except OSError:  # object stores that cannot rename: the file appears when it is closed
        path.write_bytes(content)
        draft.unlink(missing_ok=True)
    return path


def read(folder: Path) -> Kept:
    """Return the records of a folder, oldest first, and which files are none.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f"history: there is no folder {folder}. Keep a first record in it: "
            f"coupling-bench history {folder} --add reports/latest"
        )
    files = sorted(f for f in folder.iterdir() if f.is_file() and not f.name.startswith("."))
    return read_files(files)


def read_files(files: Iterable[Path]) -> Kept:
    """Return the records in files, oldest first, and which files are none."""
    records, left_out = [], []
    for file in files:
        try:
            records.append(read_file(file))
        except (OSError, ValueError) as error:
            left_out.append(f"{file.name}: {error}")
    records.sort(key=moment)
    return Kept(records=records, left_out=left_out)


def moment(record: Record) -> float:
    """Return when a record was made, in seconds: zones of time compare."""
    return datetime.fromisoformat(record["created"]).timestamp()


def read_file(file: Path) -> Record:
    """Return the record in a file.

    Raises:
        ValueError: what is the matter with it, without its name.
        OSError: it cannot be read.
    """
    content = file.read_bytes()
    named = NAME.fullmatch(file.name)
    if named and named[1] != _sum(content):
        raise ValueError("damaged: its content is not the one that its name was made of")
    try:
        record = json.loads(content)
    except (ValueError, RecursionError):  # UnicodeDecodeError is one
        raise ValueError("not JSON: damaged, or no record") from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        found = record.get("schema") if isinstance(record, dict) else None
        raise ValueError(f"not a record of schema {SCHEMA} (found {found!r})")
    return _sound(record)


def _sound(record: Record) -> Record:
    """Return a record whose parts have the shapes that readers rely on."""
    try:
        made = datetime.fromisoformat(record["created"])
        if made.tzinfo is None:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise ValueError("a record without the time at which it was made") from None
    for part in ("claims", "theorems", "stages"):
        rows = record.get(part) or []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"a record whose {part} are no rows")
        for row in rows:
            if lacks := wrong(part, row):
                raise ValueError(f"a record with an entry of {part} that has {lacks}")
    for claim in record.get("claims") or []:
        if not all(isinstance(claim.get(name), str) for name in TEXTS):
            raise ValueError("a record with a claim that does not say what it is about")
        if not all(isinstance(claim.get(name), int | float) for name in NUMBERS):
            raise ValueError("a record with a claim that does not say how it is judged")
        if not all(isinstance(seed, int) for seed in claim.get("seeds") or []):
            raise ValueError("a record with a claim whose seeds are no numbers")
    if not isinstance(record.get("environment") or {}, dict):
        raise ValueError("a record whose environment is no table")
    if lacks := wrong("environment", record.get("environment") or {}):
        raise ValueError(f"a record whose environment has {lacks}")
    return record


def _slim(record: Record) -> Record:
    def without(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name not in names}

    return {
        "schema": record["schema"],
        "created": record["created"],
        "claims": [without(claim, LEFT_OUT) for claim in record.get("claims") or []],
        "theorems": record.get("theorems") or [],
        "stages": [
            {name: row.get(name) for name in OF_STAGES} for row in record.get("stages") or []
        ],
        "environment": without(record.get("environment") or {}, OF_MACHINE),
    }


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
