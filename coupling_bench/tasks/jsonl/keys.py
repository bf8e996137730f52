"""The keys of ``task.toml``: what each must be, and which field of the spec it sets."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from coupling_bench.specs import ColaSpec, GrammarSpec
from coupling_bench.verifiers import is_a

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
NAMES_OF_OURS = (GrammarSpec.name, ColaSpec.name)
PROMPT = "{prompt}"
SPLITS = ("train", "held_out", "out_of_domain")


@dataclass(frozen=True)
class Key:
    """One key."""

    kind: type
    needed: str
    fits: Callable[[Any], bool] = bool
    field: str | None = None
    """Of the spec; None: it sets none as it stands."""


def _is_closed_set(answers: list[str]) -> bool:
    distinct = {answer.casefold() for answer in answers if answer.strip()}
    return len(answers) > 1 and len(distinct) == len(answers)


_FILE = Key(str, "the name of a JSONL file")
_COUNT = "a whole number of at least 1"
TABLES: dict[str, dict[str, Key]] = {
    "": {
        "name": Key(
            str,
            "at most 60 of A-Z a-z 0-9 . _ - that begin with a letter or a digit, and no name of "
            f"ours ({', '.join(NAMES_OF_OURS)})",
            lambda name: NAME.fullmatch(name) is not None and name not in NAMES_OF_OURS,
            "name",
        ),
        "prompt_template": Key(
            str, f"a text with {PROMPT} in it", lambda text: PROMPT in text, "prompt_template"
        ),
        "answers": Key(
            tuple, "two or more texts that differ in more than case", _is_closed_set, "answers"
        ),
    },
    "data": {
        **dict.fromkeys(SPLITS, _FILE),
        "held_out_share": Key(
            float, "a number above 0 and below 1", lambda share: 0 < share < 1, "held_out_share"
        ),
        "pretraining_share": Key(
            float, "a number from 0 to below 1", lambda share: 0 <= share < 1, "pretraining_share"
        ),
    },
    "verifier": {"kind": Key(str, "the name of a verifier")},
    "sampling": {
        "max_completion_tokens": Key(int, _COUNT, lambda n: n >= 1, "max_completion_tokens"),
        "temperature": Key(float, "a number above 0", lambda t: t > 0, "sampling_temperature"),
        "top_p": Key(float, "a number above 0, at most 1", lambda p: 0 < p <= 1, "sampling_top_p"),
        "samples": Key(int, _COUNT, lambda n: n >= 1, "samples"),
    },
}
"""By table; the first one stands above all tables. ``[verifier]`` has further keys of its own."""


def fields(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a spec that a document sets, every key of which has been checked.

    Raises:
        ValueError: a key is unknown, with the nearest valid one, or its value is of no use.
    """
    found: dict[str, Any] = {}
    for table, keys in TABLES.items():
        content = document.get(table, {}) if table else document
        if not isinstance(content, dict):
            raise ValueError(f"{table} is {content!r}, needed a table: [{table}].")
        for name, value in content.items():
            if name in keys:
                _check(table, name, value)
                if field := keys[name].field:
                    found[field] = keys[name].kind(value)
            elif table != "verifier" and (table or name not in TABLES):
                raise ValueError(f"{called(table, name)} is no key of a task.{_nearest(name)}")
    return found


def called(table: str, name: str) -> str:
    """Return how a person would call a key."""
    return f"[{table}] {name}" if table else name


def _check(table: str, name: str, value: Any) -> None:
    key = TABLES[table][name]
    if not is_a(value, key.kind) or not key.fits(value):
        raise ValueError(f"{called(table, name)} is {value!r}, needed {key.needed}.")


def _nearest(name: str) -> str:
    """Say which key is meant, in whatever table: TOML puts a late key into the table above it."""
    tables = {key: table for table, keys in reversed(TABLES.items()) for key in keys}
    near = difflib.get_close_matches(name, [*tables, *filter(None, TABLES)], n=1)
    if not near:
        return f" Keys: {', '.join(called(table, key) for key, table in tables.items())}."
    if near[0] not in tables:
        return f" Did you mean the table [{near[0]}]?"
    place = f"in the table [{tables[near[0]]}]" if tables[near[0]] else "above all tables"
    return f" Did you mean {near[0]}, {place}?"
