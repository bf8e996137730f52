"""What a store holds: each entry with its size, its age, and what it is in words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coupling_bench.fingerprint import fingerprint
from coupling_bench.store import Store
from coupling_bench.store.entries import ENTRIES, MANIFEST, DamagedError, Entry, files_of, read

PARENTS = ("start", "of")
"""Fields of a written spec that hold what it was trained from, or asked of."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One entry as it is listed."""

    address: str
    what: str
    """In words: the kinds of its stages from the first to the last, model, task and seed."""
    bytes: int
    """Of its files; what they are links to lies elsewhere and is not counted."""
    age: float
    """Seconds since it was written."""
    unused: float
    """Seconds since a run has last read it."""
    parents: tuple[str, ...]
    """Addresses of what it descends from, the nearest first."""


def rows(store: Store) -> list[Row]:
    """Return the entries of a store, the one used last first; damaged ones are left out."""
    now = time.time()  # one for all: they are told apart by milliseconds
    found = (_row(entry, now) for entry in entries(store))
    return sorted(found, key=lambda row: (row.unused, row.address))


def entries(store: Store) -> Iterator[Entry]:
    """Yield the entries that a store holds; one that cannot be read is passed over."""
    for manifest in sorted(store.root.glob(f"*/{MANIFEST}")):
        if ENTRIES.fullmatch(manifest.parent.name):
            try:
                entry = read(manifest.parent)
            except (DamagedError, ValueError):
                continue
            if entry is not None:
                yield entry


def address_of(written: dict[str, Any]) -> str:
    """Return the address of a spec from its canonical form, as a manifest holds it."""
    return f"{written['kind']}-{fingerprint(written)}"


def lineage(written: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a written spec and what it descends from, in their canonical forms, itself first."""
    chain = [written]
    while (above := _above(chain[-1])) is not None:
        chain.append(above)
    return chain


def _above(written: dict[str, Any]) -> dict[str, Any] | None:
    """Return the stage that a written spec descends from; a model is none."""
    for name in PARENTS:
        value = written.get(name)
        if isinstance(value, dict) and "task" in value:
            return value
    return None


def in_words(manifest: dict[str, Any]) -> str:
    """Say what an entry is, as ``Pretrain, SFT, GRPO: embedded on grammar, seed 2``."""
    written = manifest["spec"]
    chain = lineage(written)
    kinds = [str(one["kind"]).removesuffix("Spec") for one in reversed(chain)]
    task: dict[str, Any] = next(
        (one["task"] for one in chain if isinstance(one.get("task"), dict)), {}
    )
    where = str(task.get("name") or str(task.get("kind", "")).removesuffix("Spec").lower())
    seed = f", seed {written['seed']}" if written.get("seed") is not None else ""
    return f"{', '.join(kinds)}: {manifest.get('model') or '?'} on {where or '?'}{seed}"


def _row(entry: Entry, now: float) -> Row:
    manifest = (entry.folder / MANIFEST).stat()
    written = entry.manifest["spec"]
    size = sum(path.lstat().st_size for path in files_of(entry.folder)) + manifest.st_size
    return Row(
        address=entry.folder.name,
        what=in_words(entry.manifest),
        bytes=size,
        age=max(0.0, now - _made(entry.folder)),
        unused=max(0.0, now - manifest.st_mtime),
        parents=tuple(address_of(one) for one in lineage(written)[1:]),
    )


def _made(folder: Path) -> float:
    """Return when an entry got its place: its folder is not written to afterwards."""
    return folder.stat().st_mtime
