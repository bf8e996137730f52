"""One attempt to make an entry: a folder beside its place, which gets the place when it is whole.

Whenever the process dies, what lies there is one of three: an attempt that can be gone on with
(``UNFINISHED`` is in it), one that is whole and only lacks its place (its manifest is written, and
every file is as it says), or nothing of use.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import traceback
import uuid
from pathlib import Path
from typing import Any

from coupling_bench import environment, stage_log
from coupling_bench.fingerprint import address, canonical
from coupling_bench.specs import Spec
from coupling_bench.store.entries import (
    MANIFEST,
    SCHEMA,
    DamagedError,
    Entry,
    files_of,
    model_name,
    read,
    sha256,
    sync,
    write_durably,
)
from coupling_bench.store.single_flight import Claim

UNFINISHED = "unfinished"
"""Folder in which a maker keeps what lets the next attempt go on; it is no part of the entry."""
WORK, TRASH = "work-", "trash-"
"""How the folders begin in which entries are made, and those that are being deleted. They lie
beside the entries, so that links from one to another mean the same before and after."""
FAILED, FAILURE = "failed", "failure.json"


class Attempt:
    """The making of one entry by the one process that holds its claim."""

    def __init__(self, root: Path, spec: Spec, held: Claim):
        """Begin with what earlier attempts at ``spec`` have left in the store at ``root``."""
        self.root, self.spec, self.held = root, spec, held
        self.place = root / address(spec)
        mine = f"{WORK}{address(spec)}-"
        # A name of its own: one that was taken for dead and is not writes nowhere.
        self.folder = root / f"{mine}{uuid.uuid4().hex[:8]}"
        self._earlier = sorted(root.glob(f"{mine}*"), key=_changed)

    def adopt(self) -> Entry | None:
        """Give its place to an earlier attempt that lacks nothing else."""
        for folder in reversed(self._earlier):
            try:
                entry = read(folder, self.spec)
                if entry is not None:
                    entry.check()
                    os.replace(folder, self.folder)
                    return self._give_place(entry.manifest)
            except (DamagedError, FileNotFoundError):
                continue
        return None

    def open(self) -> Path:
        """Return the folder to work in: that of the last attempt that can be gone on with."""
        usable = [path for path in self._earlier if (path / UNFINISHED).is_dir()]
        if usable:
            os.replace(usable[-1], self.folder)
            (self.folder / MANIFEST).unlink(missing_ok=True)
        else:
            self.folder.mkdir()
        for path in self._earlier:
            shutil.rmtree(path, ignore_errors=True)
        return self.folder

    def publish(self, facts: dict[str, Any], seconds: float) -> Entry:
        """Write the manifest and give the folder its place, so that a power loss leaves no half.

        Raises:
            LostError: another process has taken over.
        """
        digests = {}
        for path in files_of(self.folder):
            name = path.relative_to(self.folder)
            if name.parts[0] != UNFINISHED:
                digests[name.as_posix()] = sha256(path)
                sync(path)
        manifest = {
            "schema": SCHEMA,
            "address": address(self.spec),
            "spec": canonical(self.spec),
            "model": model_name(self.spec),
            "facts": facts,
            "seconds": round(seconds, 3),
            "files": digests,
            "environment": environment.describe(),
        }
        write_durably(self.folder / MANIFEST, json.dumps(manifest, indent=1))
        sync(self.folder)
        return self._give_place(manifest)

    def _give_place(self, manifest: dict[str, Any]) -> Entry:
        self.held.check()  # hashing may have taken minutes
        if (self.folder / UNFINISHED).is_dir():
            discard(self.root, self.folder / UNFINISHED)
        if self.place.exists():  # without a manifest: who holds the claim has looked
            discard(self.root, self.place)
        os.replace(self.folder, self.place)
        sync(self.root)
        return Entry(folder=self.place, manifest=manifest)

    def keep_failure(self, error: Exception) -> None:
        """Keep why the attempt failed, for people: it is no entry, and the next one tries again."""
        folder = self.root / FAILED / address(self.spec)
        folder.parent.mkdir(exist_ok=True)
        folder.mkdir(exist_ok=True)
        failure = {
            "address": address(self.spec),
            "spec": canonical(self.spec),
            "error": f"{type(error).__name__}: {error}",
            "traceback": traceback.format_exception(error),
            "environment": environment.describe(),
        }
        write_durably(folder / FAILURE, json.dumps(failure, indent=1))
        if (self.folder / stage_log.NAME).is_file():
            shutil.copyfile(self.folder / stage_log.NAME, folder / stage_log.NAME)

    def close(self) -> None:
        """Delete what no next attempt could use."""
        if (self.folder / UNFINISHED).is_dir():
            return
        with contextlib.suppress(DamagedError, OSError):
            if read(self.folder, self.spec) is not None:
                return
        shutil.rmtree(self.folder, ignore_errors=True)


def discard(root: Path, folder: Path) -> None:
    """Delete a folder in one step: whoever looks sees all of it or nothing."""
    trash = root / f"{TRASH}{uuid.uuid4().hex[:8]}"
    os.replace(folder, trash)
    shutil.rmtree(trash, ignore_errors=True)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # it has just been deleted by somebody
        return 0.0
