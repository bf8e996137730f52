"""JSON as RFC 8259 has it, and none of what Python's reader takes besides.

Python lets a later key overwrite an earlier one, reads ``NaN`` and ``1e999`` as numbers, and keeps
halves of surrogate pairs, which no file can be written with. In data and in answers all of these
are mistakes.
"""

from __future__ import annotations

import json
import math
from typing import Any

DEPTH = 100
"""Objects and lists within each other, at most: ``same`` goes down them by recursion."""


def loads(text: str) -> Any:
    """Return the value that ``text`` writes down.

    Raises:
        ValueError: the text is not JSON, or a key comes twice, or a number is not finite, or a
            character is half of a pair. The message is the reason alone.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite
        )
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} (column {error.pos + 1})") from None
    except UnicodeEncodeError:
        raise ValueError("a \\u escape is half of a surrogate pair") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _check_depth(value)
    return value


def same(one: Any, other: Any) -> bool:
    """Say whether two values that ``loads`` returned are the same JSON value.

    ``1`` and ``1.0`` are one number; ``true`` is no number, though Python calls it 1.
    """
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH):
        level = [
            child
            for holder in level
            if isinstance(holder, dict | list)
            for child in (holder.values() if isinstance(holder, dict) else holder)
        ]
    if level:
        raise ValueError("it is nested too deeply")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} comes twice")
        found[key] = value
    return found


def _constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(f"the number {text} is too large")
    return float(text)
