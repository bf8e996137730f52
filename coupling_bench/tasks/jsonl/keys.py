"""The keys of ``task.toml``: what each must be, and which field of the spec it sets."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from coupling_bench import typed
from coupling_bench.specs import ColaSpec, GrammarSpec, JsonlSpec

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
NAMES_OF_OURS = (GrammarSpec.name, ColaSpec.name)
PROMPT = "{prompt}"
SPLITS = ("train", "held_out", "out_of_domain")


@dataclass(frozen=True)
class Key:
    """One key: a text, or whatever the field is that it sets."""

    field: str | None
    """Of the spec; None: it sets none as it stands."""
    needed: str = ""
    fits: Callable[[Any], bool] = lambda value: True
    """What is asked for beyond the type, in words and as a test."""


def _is_closed_set(answers: tuple[str, ...]) -> bool:
    distinct = {answer.casefold() for answer in answers if answer.strip()}
    return len(answers) > 1 and len(distinct) == len(answers)


_FILE = Key(None, "the name of a JSONL file", bool)
TABLES: dict[str, dict[str, Key]] = {
    "": {
        "name": Key(
            "name",
            "at most 60 of A-Z a-z 0-9 . _ - that begin with a letter or a digit, and no name of "
            f"ours ({', '.join(NAMES_OF_OURS)})",
            lambda name: NAME.fullmatch(name) is not None and name not in NAMES_OF_OURS,
        ),
        "prompt_template": Key(
            "prompt_template", f"a text with {PROMPT} in it", lambda text: PROMPT in text
        ),
        "answers": Key("answers", "two or more texts, different even without case", _is_closed_set),
    },
    "data": {
        **dict.fromkeys(SPLITS, _FILE),
        "held_out_share": Key(
            "held_out_share", "a number above 0 and below 1", lambda share: 0 < share < 1
        ),
        "pretraining_share": Key(
            "pretraining_share", "a number from 0 to below 1", lambda share: 0 <= share < 1
        ),
    },
    "verifier": {"kind": Key(None)},
    "sampling": {
        "max_completion_tokens": Key("max_completion_tokens"),
        "temperature": Key("sampling_temperature", "a number above 0", lambda t: t > 0),
        "top_p": Key("sampling_top_p", "a number above 0, at most 1", lambda p: 0 < p <= 1),
        "samples": Key("samples"),
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
            raise ValueError(f"{table}: found {content!r}, needed a table, [{table}].")
        for name, value in content.items():
            if name in keys:
                fitted = _fitted(table, name, value)
                if field := keys[name].field:
                    found[field] = fitted
            elif table != "verifier" and (table or name not in TABLES):
                raise ValueError(f"{_called(table, name)} is no key of a task.{_nearest(name)}")
    return found


def _called(table: str, name: str) -> str:
    return f"[{table}] {name}" if table else name


def _fitted(table: str, name: str, value: Any) -> Any:
    key = TABLES[table][name]
    hint = typed.hints(JsonlSpec)[key.field] if key.field else str
    try:
        fitted = typed.fit(name, hint, value)
        if key.fits(fitted):
            return fitted
    except typed.Unfit:
        pass
    needed = key.needed or typed.needed(name, hint)
    raise ValueError(f"{_called(table, name)}: found {typed.shown(value)}, needed {needed}.")


def _nearest(name: str) -> str:
    """Say which key is meant, in whatever table: TOML puts a late key into the table above it."""
    tables = {key: table for table, keys in reversed(TABLES.items()) for key in keys}
    near = difflib.get_close_matches(name, [*tables, *filter(None, TABLES)], n=1)
    if not near:
        return f" Keys: {', '.join(_called(table, key) for key, table in tables.items())}."
    if near[0] not in tables:
        return f" Did you mean the table [{near[0]}]?"
    place = f"in the table [{tables[near[0]]}]" if tables[near[0]] else "above all tables"
    return f" Did you mean {near[0]}, {place}?"
