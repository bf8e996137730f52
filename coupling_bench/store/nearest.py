"""Why the store lacks a spec: in what it differs from the nearest entry that is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from coupling_bench.store import Store
from coupling_bench.store.listing import entries

ABSENT = "(not there)"


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """The entry of the same kind that differs in the fewest fields."""

    address: str
    differences: list[tuple[str, Any, Any]]
    """(field, what was asked for, what the entry has); fields of a start are ``start.name``."""


def nearest(store: Store, written: dict[str, Any], besides: str | None = None) -> Nearest | None:
    """Return the entry nearest to a spec in canonical form, or None if no entry has its kind.

    Args:
        store: where to look.
        written: the spec.
        besides: address of an entry that does not count: the spec's own.
    """
    asked = dict(_flat(written))
    found = None
    for entry in entries(store):
        other = entry.manifest["spec"]
        if entry.folder.name == besides or other["kind"] != written["kind"]:
            continue
        has = dict(_flat(other))
        differ = [
            (name, asked.get(name, ABSENT), has.get(name, ABSENT))
            for name in sorted(asked.keys() | has.keys())
            if asked.get(name, ABSENT) != has.get(name, ABSENT)
        ]
        if found is None or len(differ) < len(found.differences):
            found = Nearest(address=entry.folder.name, differences=differ)
    return found


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each field of nested dicts with its path; lists are values."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else key)
    else:
        yield name, value
