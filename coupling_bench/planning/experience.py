"""What nodes took that were made before, as their manifests say, and what others like them will.

``durations`` computes from a model's size what a node takes where nothing is known of it; this page
knows what was measured, and says nothing of what was not.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from coupling_bench.fingerprint import fingerprint
from coupling_bench.specs import Spec
from coupling_bench.store import MANIFEST, Store

MOST_READ = 60
"""Manifests of one kind that are read, the latest first."""
ALL_PROMPTS = 8_000
"""What a task is taken to hold that does not say."""
SIZES = ("name", "prompts_size", "held_out_size", "out_of_domain_size")
"""Fields of a task that say how much text it has."""
WAYS = ("threads", "split", "snapshots", "samples", "lm_eval_task", "objective", "num_generations")
"""Fields of a node that say what is done, and not for how long."""

Written = Mapping[str, Any]
"""A spec as its manifest has it."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """How much a node does, and of what kind."""

    keys: tuple[Hashable, Hashable]
    """What it shares with nodes that take the same time for the same work: closely, less so."""
    amount: float
    moments: float

    @classmethod
    def of(cls, spec: Spec | Written) -> Work:
        """Return the work of a node, or of one as its manifest has it."""
        return cls(keys=_likeness(spec), amount=_amount(spec), moments=_moments(spec))


class Experience:
    """Seconds and bytes of nodes that were made, by what they have in common with others."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._seconds: dict[Hashable, list[float]] = defaultdict(list)
        self._bytes: dict[Hashable, list[float]] = defaultdict(list)

    def learn(self, work: Work, seconds: float, size: int | None = None) -> None:
        """Take in what a node took; ``size`` is that of its files in bytes."""
        for key in work.keys:
            self._seconds[key].append(seconds / work.amount)
            if size is not None:
                self._bytes[key].append(size / work.moments)

    def seconds(self, work: Work) -> float | None:
        """Return what a node will take; None where none like it was made."""
        return _expected(self._seconds, work, work.amount)

    def size(self, work: Work) -> float | None:
        """Return the bytes of a node's files; None where none like it was made."""
        return _expected(self._bytes, work, work.moments)


def _expected(known: Mapping[Hashable, list[float]], work: Work, much: float) -> float | None:
    rates = next((known[key] for key in work.keys if key in known), None)
    return median(rates) * much if rates else None


def of_store(store: Store, kinds: Iterable[str]) -> Experience:
    """Return what the manifests of a store say of nodes of these kinds; damaged ones say nothing.

    Args:
        store: it need not exist.
        kinds: names of the classes of specs.
    """
    experience = Experience()
    for kind in sorted(set(kinds)):
        entries = [path.parent for path in store.root.glob(f"{kind}-*/{MANIFEST}")]
        for folder in sorted(entries, key=_made_at, reverse=True)[:MOST_READ]:
            try:
                manifest = json.loads((folder / MANIFEST).read_text())
                work, seconds = Work.of(manifest["spec"]), float(manifest["seconds"])
                experience.learn(work, seconds, _size(folder))
            except (OSError, ValueError, KeyError, TypeError):
                continue
    return experience


def _made_at(folder: Path) -> float:
    try:
        return (folder / MANIFEST).stat().st_mtime
    except OSError:  # another process deletes it
        return 0.0


def _size(folder: Path) -> int:
    """Return the bytes of an entry's own files; what it links to is another's."""
    return sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def _likeness(spec: Spec | Written) -> tuple[Hashable, Hashable]:
    """Return what two nodes share that take the same time for the same work: closely, and less so.

    Closely: all that they descend from is of the same kinds. RL that starts from SFT draws other
    completions than RL that starts from the base, and takes another time.
    """
    line = list(_line(spec))
    kinds = tuple(map(_kind, line))
    fields = [_fields(value) for value in line]
    task = _fields(next((found for of in fields if (found := of.get("task"))), {}))
    files = tuple(digest for _, digest in task.get("files", ()))
    shared = (
        fingerprint(line[-1]),
        files,
        *(task.get(name) for name in SIZES),
        *(fields[0].get(name) for name in WAYS),
    )
    return (kinds, *shared), (kinds[:2] if "of" in fields[0] else kinds[:1], *shared)


def _amount(spec: Spec | Written) -> float:
    """Return the work of a node, in a unit of its kind's own: rows, epochs, snapshots."""
    fields = _fields(spec)
    if "of" in fields:
        return _moments(fields["of"]) if fields.get("snapshots") == "all" else 1.0
    if "num_train_epochs" in fields and "max_steps" not in fields:
        return float(fields["num_train_epochs"])
    rows = 1
    for name in ("batch_size", "prompts_per_step", "num_generations", "batch"):
        rows *= fields.get(name) or 1
    return float((fields.get("max_steps") or 1) * rows)


def _moments(spec: Spec | Written) -> float:
    """Return the snapshots of a stage, about; a training stores its start and its end besides."""
    fields = _fields(spec)
    apart = fields.get("snapshot_every")
    if not apart:
        return 1.0
    steps = fields.get("max_steps")
    if not steps and fields.get("num_train_epochs"):
        prompts = _fields(fields["task"]).get("prompts_size") or ALL_PROMPTS
        steps = fields["num_train_epochs"] * prompts / fields["batch_size"]
    return 2.0 + (steps or 0) // apart


def _line(spec: Any) -> Iterator[Any]:
    """Yield a node, what it descends from, and last its model."""
    while spec is not None:
        yield spec
        fields = _fields(spec)
        spec = fields.get("start") or fields.get("of")


def _kind(spec: Any) -> str:
    return spec["kind"] if isinstance(spec, dict) else type(spec).__name__


def _fields(spec: Any) -> Mapping[str, Any]:
    """Return the fields of a spec, or of one as it was written down."""
    return spec if isinstance(spec, dict) else vars(spec)
