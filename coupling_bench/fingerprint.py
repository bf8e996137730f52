"""Canonical JSON of a frozen value, and its hash: the identity of everything that is stored.

Two specs that say the same have the same fingerprint, in every process and on every machine.
What has no identity (functions, live objects, anything printed with a memory address) is refused
rather than hashed by accident.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import json
import math
import re
from enum import Enum
from typing import Any

MEMORY_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
DIGITS = 12
KEPT = "_fingerprint"
"""Where a frozen dataclass keeps its fingerprint."""
KEPT_TEXT = "_canonical_json"
"""Where one that is a part of another keeps its text."""
_TEXT = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def canonical(value: Any, where: str = "value") -> Any:
    """Return ``value`` as plain JSON types, with the class of every dataclass written down.

    Fields whose metadata say ``{"identity": False}`` are left out: they cannot change the numbers.

    Args:
        value: a frozen dataclass, or strings, numbers, booleans, None, tuples, lists and dicts.
        where: the path to ``value``, for error messages.

    Raises:
        TypeError: ``value`` holds something without a stable identity.
        ValueError: a float is not finite, or a string holds a memory address.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        _check_frozen(value, where)
        fields = {
            name: canonical(getattr(value, name), f"{where}.{name}")
            for name in _identity(type(value))
        }
        return {"kind": type(value).__name__, **fields}
    if isinstance(value, Enum):
        return canonical(value.value, where)
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"fingerprint: {where} has keys that are not strings.")
        return {key: canonical(value[key], f"{where}.{key}") for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [
            item if _is_plain(item) else canonical(item, f"{where}[{i}]")
            for i, item in enumerate(value)
        ]
    return _canonical_scalar(value, where)


def _is_plain(value: Any) -> bool:
    """Say at once of most values that they are their own canonical form."""
    kind = type(value)
    if kind is float:
        return math.isfinite(value)
    if kind is str:
        return " 0x" not in value
    return kind is int or kind is bool or value is None


def _canonical_scalar(value: Any, where: str) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"fingerprint: {where} is {value}; a finite number was needed.")
        return value
    if isinstance(value, str):
        if MEMORY_ADDRESS.search(value):
            raise ValueError(f"fingerprint: {where} holds a memory address: {value!r}.")
        return value
    raise TypeError(
        f"fingerprint: {where} is a {type(value).__name__}, which has no stable identity. "
        "Name it by a string instead."
    )


def canonical_json(value: Any, where: str = "value") -> str:
    """Return the one JSON text of ``value``: sorted keys, no blanks, floats in shortest form.

    It is the text of ``canonical(value)``. A dataclass inside another keeps its own: what thousands
    of specs start from is written out once.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _dataclass_json(value, where)
    return _TEXT.encode(canonical(value, where))


def _dataclass_json(value: Any, where: str) -> str:
    """Return the text of a dataclass, put together from those of the dataclasses in it."""
    _check_frozen(value, where)
    texts: dict[str, str] = {}
    plain: dict[str, Any] = {"kind": type(value).__name__}
    for name in _identity(value.__class__):
        inner = getattr(value, name)
        if _is_plain(inner):
            plain[name] = inner
        elif dataclasses.is_dataclass(inner) and not isinstance(inner, type):
            text = inner.__dict__.get(KEPT_TEXT)
            if text is None:
                text = canonical_json(inner, f"{where}.{name}")
                object.__setattr__(inner, KEPT_TEXT, text)
            texts[name] = text
        else:
            plain[name] = canonical(inner, f"{where}.{name}")
    parts = []
    for kept, names in itertools.groupby(sorted({*texts, *plain}), key=texts.__contains__):
        if kept:
            parts += [f"{_TEXT.encode(name)}:{texts[name]}" for name in names]
        else:  # neighbours at once, without their braces
            parts.append(_TEXT.encode({name: plain[name] for name in names})[1:-1])
    return f"{{{','.join(parts)}}}"


def _check_frozen(value: Any, where: str) -> None:
    if not value.__dataclass_params__.frozen:
        raise TypeError(f"fingerprint: {where} is a {type(value).__name__}, which can change.")


@functools.cache
def _identity(kind: Any) -> tuple[str, ...]:
    """Return the fields of a dataclass that are part of its identity."""
    return tuple(
        field.name for field in dataclasses.fields(kind) if field.metadata.get("identity", True)
    )


def fingerprint(value: Any) -> str:
    """Return the first 12 hexadecimal digits of the sha256 of ``canonical_json(value)``.

    A frozen dataclass keeps its own: a run asks some thousand times for a few hundred. Not by
    equality, for which 1 and 1.0 are the same.
    """
    kept = getattr(value, "__dict__", {}).get(KEPT)
    if kept is not None:
        return str(kept)
    found = hashlib.sha256(canonical_json(value).encode()).hexdigest()[:DIGITS]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        object.__setattr__(value, KEPT, found)  # frozen, as canonical_json has made sure
    return found


def address(value: Any) -> str:
    """Return the folder name of a spec: readable, then its hash (``SFTSpec-3f9a1c22b0de``)."""
    return f"{type(value).__name__}-{fingerprint(value)}"
