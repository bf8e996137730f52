"""What an entry is: a folder with a manifest, which names its spec and each file's sha256."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coupling_bench import stage_log
from coupling_bench.fingerprint import canonical_json
from coupling_bench.specs import AnyModel, Spec

MANIFEST = "manifest.json"
SCHEMA = 1
ENTRIES = re.compile(r"[A-Za-z]+Spec-[0-9a-f]{12}")
"""What an entry's folder is called; no other name from a user becomes a path of the store."""


class DamagedError(ValueError):
    """An entry is not what its maker wrote; the message says what differs."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A finished entry of the store."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """What the maker reported: optimizer steps, peak memory, stored snapshots."""
        return self.manifest["facts"]

    def check(self, leave_out: str | None = None) -> None:
        """Compare each file with the sha256 that its maker wrote down.

        Links to other entries are followed. Those that lead out of the store, to a model of the
        user's, are checked by who follows them. The log is for people and not compared: a process
        that outlives its stage may still write there.

        Args:
            leave_out: a folder whose files are not looked at.

        Raises:
            DamagedError: a file is missing, cannot be read, or is another one.
        """
        links = {found.name for found in os.scandir(self.folder) if found.is_symlink()}
        store = self.folder.parent.resolve() if links else self.folder.parent
        for name, digest in self.manifest["files"].items():
            file = self.folder / name
            if name == stage_log.NAME or name.split("/")[0] == leave_out:
                continue
            if name in links and store not in file.resolve().parents:
                continue
            if _digest_of(file, name) != digest:
                raise DamagedError(f"{name} is not what was written (its sha256 differs)")
        for link in links:  # adapters lead to what they adapt, an entry of its own
            base = (self.folder / link).resolve()
            if base.is_dir() and base.parent == store:
                other = read(base)
                if other is None:
                    raise DamagedError(f"{link} leads to {base.name}, which is not there")
                other.check(leave_out)


def _digest_of(file: Path, name: str) -> str:
    try:
        return sha256(file)
    except FileNotFoundError:
        raise DamagedError(f"{name} is missing") from None
    except OSError as error:
        if error.errno in (errno.EIO, errno.EISDIR, errno.ENOTDIR, errno.ELOOP):
            raise DamagedError(f"{name} cannot be read ({error.strerror})") from None
        raise


def read(folder: Path, spec: Spec | None = None) -> Entry | None:
    """Return the entry in a folder, or None where no manifest says that it is finished.

    Args:
        folder: the entry's place.
        spec: what it is to be of; None: whatever it says.

    Raises:
        DamagedError: the manifest cannot be read, or is of another spec.
        ValueError: it has a schema that this version does not know.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        raise DamagedError(f"{MANIFEST} cannot be read") from None
    if not isinstance(manifest, dict):
        raise DamagedError(f"{MANIFEST} is no manifest")
    schema = manifest.get("schema")
    if schema != SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        remedy = "Update coupling_bench" if newer else "Use the version that wrote it"
        raise ValueError(
            f"store: {folder} has schema {schema!r}, this version reads {SCHEMA}; it is left as it "
            f"is. {remedy}, or use another store: --store FOLDER"
        )
    parts = {"spec": dict, "facts": dict, "files": dict, "seconds": int | float}
    for part, kind in parts.items():
        if not isinstance(manifest.get(part), kind):
            raise DamagedError(f"{MANIFEST} lacks {part}")
    if not isinstance(manifest["spec"].get("kind"), str):
        raise DamagedError(f"{MANIFEST} does not say what kind of spec it is of")
    # As texts: that of what a thousand specs start from is kept.
    written = json.dumps(manifest["spec"], sort_keys=True, separators=(",", ":"))
    if spec is not None and written != canonical_json(spec):
        raise DamagedError("it was made from another spec with the same fingerprint")
    return Entry(folder=folder, manifest=manifest)


def files_of(folder: Path) -> Iterator[Path]:
    """Yield the files of an entry, the manifest excepted, in the order of their names."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / MANIFEST:
            yield path


def sha256(path: Path) -> str:
    """Return the digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_durably(path: Path, text: str) -> None:
    """Write a file of which a power loss leaves all or nothing, once its folder is synced."""
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Make sure that a file, or the names in a folder, would survive a power loss."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def model_name(value: Any) -> str | None:
    """Return what users call the model that a spec descends from, which is no part of it."""
    inner = [getattr(value, field.name) for field in dataclasses.fields(value)]
    for one in inner:
        if isinstance(one, AnyModel):
            return one.name
    names = (model_name(one) for one in inner if dataclasses.is_dataclass(one))
    return next((name for name in names if name is not None), None)
