"""Checkpoints of a stage that has not ended yet: which of them a next attempt may go on from.

One counts only with its marker, which is written last and names the sha256 of each of its files and
of the snapshots so far. Without it, it was being written when the process died. The newest one that
is sound and of this very training is used; everything that it does not name is deleted.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coupling_bench.environment import describe
from coupling_bench.models import SNAPSHOTS
from coupling_bench.progress import Progress, tell
from coupling_bench.stage_log import NAME as LOG
from coupling_bench.store import UNFINISHED
from coupling_bench.store.entries import sha256, sync, write_durably

SAVE_SECONDS = 30.0
"""Seconds of training between two checkpoints, unless saving takes longer than its share."""
SAVE_SHARE = 0.01
"""The share of the time that saving may take: of large models it is done more rarely."""
VARIABLE = "COUPLING_BENCH_SAVE_SECONDS"
MARKER = "complete.json"
PREFIX = "checkpoint-"
"""As transformers calls its own."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a marker says."""

    made: dict[str, Any]
    """Which training it is of, how it was carried out, and with what."""
    step: int
    carried: dict[str, Any]
    """What the stage wants to have back, as JSON types."""
    resumed_at: list[int]
    """The steps at which the attempts before have gone on."""
    files: dict[str, str]
    """sha256 by path in the entry's folder, of all files that belong to it."""

    def why_damaged(self, folder: Path) -> str:
        """Return which of its files in ``folder`` is missing or has changed; empty if none."""
        for name, digest in self.files.items():
            try:
                if sha256(folder / name) != digest:
                    return f"{name} has changed"
            except OSError:
                return f"{name} cannot be read"
        return ""


class Unfinished:
    """The checkpoints of one attempt to make an entry."""

    def __init__(self, folder: Path, address: str, **execution: Any):
        """Find where to go on, and delete what does not belong to it.

        Args:
            folder: of the entry, as an earlier attempt has left it, or empty.
            address: of the stage.
            execution: how it is carried out; a checkpoint of another way is not gone on from.

        Raises:
            ValueError: the environment's seconds between two checkpoints are none.
        """
        self.folder, self.address = folder, address
        self._made = made(address, **execution)
        self._given = _given_seconds()
        self.found = self._find()
        self.resumed_at = [*self.found.resumed_at, self.found.step] if self.found else []
        # What was written once is never changed, so it is read once.
        self._digests = dict(self.found.files) if self.found else {}
        if (folder / UNFINISHED).exists():
            self._clear()
        self._began = time.monotonic()
        self._next = self._began + self._wait(0.0)

    @property
    def facts(self) -> dict[str, Any]:
        """What the manifest says: at which steps the stage has gone on, if it was killed."""
        return {"resumed_at": self.resumed_at} if self.resumed_at else {}

    def tell_where(self, total: int) -> None:
        """Tell the user, if the stage goes on, at which of its ``total`` steps."""
        if self.found:
            self._tell(f"resumes at step {self.found.step} of {total}; up to there it is kept")

    def place(self, step: int) -> Path:
        """Return the folder of the checkpoint after ``step`` steps."""
        return self.folder / UNFINISHED / f"{PREFIX}{step}"

    def due(self) -> bool:
        """Say whether it is time to write a checkpoint."""
        self._began = time.monotonic()
        return self._began >= self._next

    def complete(self, step: int, carried: dict[str, Any]) -> None:
        """Let the checkpoint that lies in its place count, and then delete the one before."""
        checkpoint = self.place(step)
        snapshots = (self.folder / SNAPSHOTS).rglob("*")
        files = [path for path in (*checkpoint.rglob("*"), *snapshots) if path.is_file()]
        for path in files:
            name = self._name(path)
            if name not in self._digests or checkpoint in path.parents:
                sync(path)
                self._digests[name] = sha256(path)
        for parent in {path.parent for path in files}:  # the names of files are to last, too
            sync(parent)
        digests = {name: self._digests[name] for name in map(self._name, files)}
        content = Checkpoint(
            made=self._made,
            step=step,
            carried=carried,
            resumed_at=self.resumed_at,
            files=digests,
        )
        _write(checkpoint / MARKER, vars(content))
        for other in checkpoint.parent.iterdir():
            if other.is_dir() and other != checkpoint:
                shutil.rmtree(other)
        self._next = time.monotonic() + self._wait(time.monotonic() - self._began)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.folder))

    def _wait(self, cost: float) -> float:
        """Return the seconds until the next checkpoint, if writing the last took ``cost``."""
        return max(SAVE_SECONDS, cost / SAVE_SHARE) if self._given is None else self._given

    def _find(self) -> Checkpoint | None:
        for place in newest_first(self.folder):
            checkpoint = read(place)
            if checkpoint is None:
                self._tell(f"{place.name} is damaged and not used: its marker has changed")
            elif checkpoint.made != self._made:
                others = sorted(
                    f"{name} was {checkpoint.made.get(name)} and is {self._made.get(name)}"
                    for name in checkpoint.made.keys() | self._made.keys()
                    if checkpoint.made.get(name) != self._made.get(name)
                )
                self._tell(f"{place.name} of an earlier attempt is not used: {'; '.join(others)}")
            elif reason := checkpoint.why_damaged(self.folder):
                self._tell(f"{place.name} is damaged and not used: {reason}")
            else:
                return checkpoint
        return None

    def _clear(self) -> None:
        """Delete what the checkpoint that was found does not name; all if there is none."""
        kept = {self.folder / LOG}  # it tells of all attempts, and of this one already
        if self.found:
            kept |= {self.folder / name for name in self.found.files}
            kept.add(self.place(self.found.step) / MARKER)
        for path in sorted(self.folder.rglob("*"), reverse=True):  # files before their folder
            if path.is_symlink() or not path.is_dir():
                if path not in kept:
                    path.unlink()
            elif not any(path.iterdir()):
                path.rmdir()

    def _tell(self, sentence: str) -> None:
        tell(Progress(address=self.address, step=0, total=0, note=f"{sentence}."))


def newest_first(folder: Path) -> list[Path]:
    """Return the folders of the checkpoints in an entry's folder that have a marker."""
    marked = (folder / UNFINISHED).glob(f"{PREFIX}*/{MARKER}")
    return sorted((p.parent for p in marked), key=lambda p: -int(p.name.removeprefix(PREFIX)))


def read(place: Path) -> Checkpoint | None:
    """Return what the marker in ``place`` says; None if it is damaged."""
    try:
        marker = json.loads((place / MARKER).read_text())
        content = marker["content"]
        return Checkpoint(**content) if marker["sha256"] == _digest(content) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def made(address: str, **execution: Any) -> dict[str, Any]:
    """Return all that makes the numbers of a stage: how it is carried out, by what, and where."""
    known = describe()
    where = {name: known[name] for name in ("python", "platform", "cpu", "gpus", "commit")}
    return {"stage": address, **execution, **where, **known["packages"]}


def _given_seconds() -> float | None:
    text = os.environ.get(VARIABLE)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise ValueError(
            f"{VARIABLE}: it is {text!r}, needed are seconds between two checkpoints, 0 or more. "
            f"Unset it, or say: {VARIABLE}={SAVE_SECONDS:g}"
        )
    return seconds


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write a marker so that it is there whole or not at all, whatever happens meanwhile."""
    temporary = path.with_suffix(".tmp")
    write_durably(temporary, json.dumps({"sha256": _digest(content), "content": content}))
    os.replace(temporary, path)
    sync(path.parent)
    sync(path.parent.parent)


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
