"""Files of measurements beside a record: `perf.json` and `scaling.json`.

Anyone can write them, and the page shows their numbers as results. So a file that is not exactly
as described here is left out whole, and the page says what is wrong with it.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coupling_bench.report.text import is_number

LARGEST_FILE = 1_000_000
MOST_ENTRIES = 200
AXES = {
    "seeds": "number of seeds",
    "claims": "number of claims",
    "G": "group size G",
    "prompt length": "prompt length",
    "parameters": "number of parameters",
}

Kind = tuple[str, Callable[[Any], bool]]
"""What a value has to be: in words, and as a check."""


def _line(least: int, most: int) -> Kind:
    def fits(value: Any) -> bool:
        # A lone surrogate could not be written, and a control could turn the text around.
        return (
            isinstance(value, str)
            and value.isprintable()
            and (least <= len(value.strip()) and len(value) <= most)
        )

    return f"a line of {least} to {most} printable characters", fits


def _or_null(kind: Kind) -> Kind:
    words, fits = kind
    return f"{words} or null", lambda value: value is None or fits(value)


# Nothing measured here is zero, which has no ratio and no place on a logarithmic axis.
POSITIVE: Kind = (
    "a number from 1e-12 to 1e18",
    lambda value: is_number(value) and 1e-12 <= value <= 1e18,
)
FLAG: Kind = ("true or false", lambda value: isinstance(value, bool))
AXIS: Kind = (f"one of {', '.join(AXES)}", lambda value: isinstance(value, str) and value in AXES)
FIELDS: dict[str, dict[str, Kind]] = {
    "perf.json": {
        "name": _line(1, 120), "group": _line(1, 40), "ratio": POSITIVE,
        "ours_seconds": POSITIVE, "plain_seconds": POSITIVE,
        "ours_peak_bytes": _or_null(POSITIVE), "plain_peak_bytes": _or_null(POSITIVE),
        "gate": POSITIVE, "target": _or_null(POSITIVE), "passed": FLAG, "rounds": POSITIVE,
        "against": _line(1, 60), "note": _or_null(_line(0, 600)),
        "bare_seconds": _or_null(POSITIVE), "floor_seconds": _or_null(POSITIVE),
    },
    "scaling.json": {
        "axis": AXIS, "unit": _line(1, 40), "what": _line(1, 120), "x": POSITIVE,
        "ours_seconds": POSITIVE, "plain_seconds": _or_null(POSITIVE),
    },
}  # fmt: skip


def read(path: Path) -> list[dict[str, Any]]:
    """The entries of a file; none where there is no file.

    Args:
        path: A file with one of the names of `FIELDS`.

    Raises:
        ValueError: The file is not as described; the message goes on from the file's name.
    """
    try:
        if not path.exists():
            return []
        if not path.is_file() or path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"is not a file of at most {LARGEST_FILE:,} bytes")
        content = path.read_bytes()
    except OSError:
        raise ValueError("cannot be read") from None
    try:
        # An integer of a thousand digits becomes an infinite number, which no field accepts.
        entries = json.loads(content, parse_int=float)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(entries, list) or len(entries) > MOST_ENTRIES:
        raise ValueError(f"is not a list of at most {MOST_ENTRIES} entries")
    for place, entry in enumerate(entries, start=1):
        _check(entry, FIELDS[path.name], f"entry {place}")
    return entries


def _check(entry: Any, fields: dict[str, Kind], where: str) -> None:
    if not isinstance(entry, dict):
        raise ValueError(f"has an {where} that is not an object")
    for field, (words, fits) in fields.items():
        if field not in entry:
            raise ValueError(f"has no “{field}” in its {where}")
        if not fits(entry[field]):
            raise ValueError(f"has a “{field}” in its {where} that is not {words}")
