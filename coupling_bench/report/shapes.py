"""What readers take for granted of a record: which entries are there, and of what kind."""

from collections.abc import Callable
from typing import Any

Record = dict[str, Any]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_scalar(value: object) -> bool:
    return not isinstance(value, list | dict)


def _all(kind: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(v is None or kind(v) for v in value)


KINDS: dict[str, Callable[[object], bool]] = {
    "a text": lambda value: isinstance(value, str),
    "a number": _is_number,
    "a scalar": _is_scalar,
    "numbers": _all(_is_number),
    "scalars": _all(_is_scalar),
    "texts": _all(lambda value: isinstance(value, str)),
    "rows": lambda value: isinstance(value, list) and all(isinstance(v, dict) for v in value),
    "named values": lambda value: isinstance(value, dict),
    "texts by name": lambda value: (
        isinstance(value, dict)
        and all(one is None or isinstance(one, str) for one in value.values())
    ),
}
WHOSE = {"model": "a text", "task": "a text"}
VIEW = {
    "name": "a text", "unit": "a text", "note": "a text", "effect": "a scalar",
    "interval": "numbers", "within": "numbers", "per_seed": "numbers",
}  # fmt: skip
NEEDED = {
    "claims": {"claim": "a text", **WHOSE},
    "theorems": {"theorem": "a text"},
    "stages": {"node": "a text", **WHOSE},
    "curves": {"pipeline": "a text", "node": "a text", "steps": "numbers", **WHOSE},
    "abilities": {"node": "a text", "split": "a text", **WHOSE},
    "groups": {
        "node": "a text", "split": "a text", "group": "a text", "items": "a scalar", **WHOSE,
    },
    "completions": {"pipeline": "a text", "prompt": "a text", **WHOSE},
    "environment": {},
}  # fmt: skip
"""What an entry of each part has to have."""
KNOWN = {
    "claims": {
        "scale": "a text", "test": "a text", "cites": "a text", "verdict": "a text",
        "accepted": "a text", "effect": "a scalar", "interval": "numbers", "margin": "a scalar",
        "direction": "a text", "unit": "a text", "alpha": "a scalar", "seeds": "scalars",
        "per_seed": "numbers", "requires": "rows", "beside": "rows", "message": "a text",
        "nodes": "texts", "recipe": "a text",
        "reversed": "a scalar",
    },
    "theorems": {},
    "stages": {
        "spec": "a text", "kind": "a text", "seed": "a scalar", "steps": "a scalar",
        "device": "a text", "prompts": "a text", "start": "a text", "commit": "a text",
        "options": "named values", "packages": "named values", "wall_seconds": "a scalar",
    },
    "curves": {
        "seed": "a scalar", "loss": "numbers", "reward": "numbers", "mean_at_1": "numbers",
    },
    "abilities": {"seed": "a scalar"},
    "groups": {},
    "completions": {"truth": "a scalar", "answers": "texts by name"},
    "environment": {
        "commit": "a text", "packages": "texts by name", "gpus": "texts", "trained": "a number",
        "reused": "a number",
    },
}  # fmt: skip
"""Of what kind other entries are, where they are there."""


def wrong(part: str, row: Record) -> str | None:
    """What is wrong with a part's entry, or the environment, after "has"; None if nothing is."""
    for key in NEEDED[part]:
        if row.get(key) is None:
            return f"no {key}"
    found = _of_another_kind(row, NEEDED[part] | KNOWN[part])
    views = [] if found else [*(row.get("requires") or []), *(row.get("beside") or [])]
    found = found or next(filter(None, (_of_another_kind(view, VIEW) for view in views)), None)
    if not found and part == "curves" and (not row["steps"] or None in row["steps"]):
        return "a curve without steps"
    return found


def _of_another_kind(row: Record, kinds: dict[str, str]) -> str | None:
    for key, kind in kinds.items():
        if row.get(key) is not None and not KINDS[kind](row[key]):
            return f"a {key} that is {type(row[key]).__name__}, needed {kind}"
    for key in ("interval", "within"):
        if row.get(key) is not None and len(row[key]) != 2:
            return f"a {key} with {len(row[key])} ends, needed 2"
    return None
