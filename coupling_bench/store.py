"""Content-addressed folders: one for each spec, written once, read by everybody.

An entry is made in a temporary folder beside its place, its manifest is written last, and the
folder is then renamed: a folder without a manifest is never read. One file lock a key lets any
number of processes ask for the same entry while one of them makes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coupling_bench import environment
from coupling_bench.fingerprint import address, canonical
from coupling_bench.specs import Spec

MANIFEST = "manifest.json"
UNFINISHED = "unfinished"
SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A finished entry of the store."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """What the maker reported: optimizer steps, peak memory, stored snapshots."""
        return self.manifest["facts"]


class Store:
    """A folder of entries, each addressed by the fingerprint of the spec that made it."""

    def __init__(self, root: Path):
        """Use ``root``, which need not exist yet."""
        self.root = Path(root)

    def folder(self, spec: Spec) -> Path:
        """Return the place of ``spec``'s entry, whether it exists or not."""
        return self.root / address(spec)

    def find(self, spec: Spec) -> Entry | None:
        """Return the finished entry of ``spec``, or None."""
        folder = self.folder(spec)
        try:
            manifest = json.loads((folder / MANIFEST).read_text())
        except FileNotFoundError:
            return None
        except json.JSONDecodeError:
            raise ValueError(
                f"store: {folder / MANIFEST} is damaged. Delete that folder and run again."
            ) from None
        if manifest.get("schema") != SCHEMA:
            raise ValueError(
                f"store: {folder} has schema {manifest.get('schema')!r}, needed {SCHEMA}. "
                "Use another store (--store PATH) or the version that wrote it."
            )
        if manifest["spec"] != canonical(spec):
            raise ValueError(
                f"store: {folder} was made from another spec with the same fingerprint. "
                "Delete that folder and run again."
            )
        return Entry(folder=folder, manifest=manifest)

    def get(self, spec: Spec) -> Entry:
        """Return the finished entry of ``spec``.

        Raises:
            FileNotFoundError: there is none.
        """
        entry = self.find(spec)
        if entry is None:
            raise FileNotFoundError(
                f"store: no entry {address(spec)} in {self.root}. Make it with: pytest suites"
            )
        return entry

    def get_or_make(self, spec: Spec, make: Callable[[Path], dict[str, Any]]) -> tuple[Entry, bool]:
        """Return the entry of ``spec`` and whether this call made it.

        Args:
            spec: what the entry is of.
            make: writes the entry's files into the folder it is given and returns its facts.
                Whatever it raises passes through, and nothing is stored.
        """
        found = self.find(spec)
        if found is not None:
            return found, False
        from filelock import FileLock

        locks = self.root / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with FileLock(locks / f"{address(spec)}.lock"):
            found = self.find(spec)  # another process may have made it while we waited
            if found is not None:
                return found, False
            return self._make(spec, make), True

    def _make(self, spec: Spec, make: Callable[[Path], dict[str, Any]]) -> Entry:
        work = self.root / f"tmp-{uuid.uuid4().hex}"
        work.mkdir()
        started = time.monotonic()
        try:
            facts = make(work)
            manifest = {
                "schema": SCHEMA,
                "address": address(spec),
                "spec": canonical(spec),
                "facts": facts,
                "seconds": round(time.monotonic() - started, 3),
                "files": {
                    str(path.relative_to(work)): _sha256(path)
                    for path in sorted(work.rglob("*"))
                    if path.is_file()
                },
                "environment": environment.describe(),
            }
            _write_durably(work / MANIFEST, json.dumps(manifest, indent=1))
            folder = self.folder(spec)
            if folder.exists():  # without a manifest: find() said so under the same lock
                shutil.rmtree(folder)
            os.replace(work, folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return Entry(folder=folder, manifest=manifest)


def default_root() -> Path:
    """Return the store to use where none is named: the environment's, else the user's cache."""
    named = os.environ.get("COUPLING_BENCH_STORE")
    if named:
        return Path(named).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "coupling_bench"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_durably(path: Path, text: str) -> None:
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
