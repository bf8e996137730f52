"""Canonical JSON of a frozen value, and its hash: the identity of everything that is stored.

Two specs that say the same have the same fingerprint, in every process and on every machine.
What has no identity (functions, live objects, anything printed with a memory address) is refused
rather than hashed by accident.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
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
    """Return the text of a dataclass, put together from those of its fields."""
    _check_frozen(value, where)
    parts = []
    for name, key, default, text in _layout(value.__class__):
        inner = getattr(value, name)
        parts.append(key + (text if inner is default else _part_json(inner, f"{where}.{name}")))
    return f"{{{','.join(parts)}}}"


def _part_json(value: Any, where: str) -> str:
    """Return the text of a field's value; a dataclass keeps its own."""
    if _is_plain(value):
        return _TEXT.encode(value)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return canonical_json(value, where)
    text = value.__dict__.get(KEPT_TEXT)
    if text is None:
        text = canonical_json(value, where)
        object.__setattr__(value, KEPT_TEXT, text)
    return text


@functools.cache
def _layout(kind: Any) -> list[tuple[str, str, Any, str]]:
    """Return the fields of a dataclass in the order of its text: (name, key, default, its text).

    Its own name is one of them. Most fields of most specs are left at their default.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    layout = {"kind": ("__class__", kind, _TEXT.encode(kind.__name__))}
    for name in _identity(kind):
        default = defaults[name]
        given = default is not dataclasses.MISSING
        layout[name] = (name, default, canonical_json(default, name) if given else "")
    return [(name, f'"{key}":', *rest) for key, (name, *rest) in sorted(layout.items())]


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
