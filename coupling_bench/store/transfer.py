"""Entries from one machine to another, as a tar file of their folders.

What comes in is not trusted: a name must be an address, the address must be the fingerprint of the
spec in the manifest, every file must have the digest that stands there, and there is no other file.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import uuid
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from coupling_bench.store import LOCKS, WORK, DamagedError, Store
from coupling_bench.store.entries import ENTRIES, MANIFEST, files_of, read, sync
from coupling_bench.store.listing import address_of, lineage
from coupling_bench.store.single_flight import claim


def export(store: Store, addresses: Iterable[str], file: Path, *, with_starts: bool) -> list[str]:
    """Write entries into a new tar file and return their addresses.

    Links to other entries (the base of adapters, snapshots of another stage) stay links.

    Args:
        store: whose entries.
        addresses: which.
        file: where to; it must not exist.
        with_starts: whether all that they were made from goes along.

    Raises:
        FileNotFoundError: there is no such entry.
        ValueError: an entry is damaged, or holds links to a model that lies elsewhere.
    """
    if file.exists():
        raise FileExistsError(f"store export: {file} is there already. Name another: --to FILE")
    chosen: dict[str, None] = {}
    for name in addresses:
        entry = read(store.root / name) if ENTRIES.fullmatch(name) else None
        if entry is None:
            raise FileNotFoundError(
                f"store export: {store.root} has no finished entry {name}. What it has: "
                "coupling-bench store ls"
            )
        starts = [address_of(one) for one in lineage(entry.manifest["spec"])[1:]]
        chosen.update(dict.fromkeys([*(reversed(starts) if with_starts else ()), name]))
    for name in chosen:
        _check_portable(store, name)
    partial = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}")
    try:
        with store.in_use(chosen), tarfile.open(partial, "x") as tar:
            for name in chosen:
                tar.add(store.root / name, arcname=name)
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)
    return list(chosen)


def _check_portable(store: Store, name: str) -> None:
    entry = read(store.root / name)
    if entry is None:
        raise FileNotFoundError(
            f"store export: {name}, which another entry was made from, is not in {store.root}. "
            "Leave --with-starts out."
        )
    try:
        entry.check()
    except DamagedError as error:
        raise ValueError(f"store export: {name} is damaged: {error}.") from None
    for path in entry.folder.rglob("*"):
        if path.is_symlink() and store.root.resolve() not in path.resolve().parents:
            raise ValueError(
                f"store export: {name} is links to a model that lies outside of the store "
                f"({path.resolve().parent}). Copy that folder instead, and name it there: --model"
            )


def import_(store: Store, file: Path) -> tuple[list[str], list[str]]:
    """Take the entries of a tar file; return the addresses taken, and those that were there.

    Raises:
        ValueError: the file is no such tar, or something in it is not what it says it is. Nothing
            of it has been taken then.
    """
    name = f"import-{uuid.uuid4().hex[:8]}"
    work = store.root / f"{WORK}{name}-0"
    with claim(store.root / LOCKS, name, lambda owner: None):
        try:
            work.mkdir()
            _unpack(file, work)
            names = sorted(path.name for path in work.iterdir())
            for one in names:
                _check_imported(work / one)
            taken = [one for one in names if _take(store, work / one)]
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return taken, [one for one in names if one not in taken]


def _take(store: Store, folder: Path) -> bool:
    """Give an entry its place, unless there is one; say whether it was taken."""
    place = store.root / folder.name
    with claim(store.root / LOCKS, folder.name, lambda owner: None):
        if (place / MANIFEST).exists():
            return False
        shutil.rmtree(place, ignore_errors=True)
        os.replace(folder, place)
        sync(store.root)
        return True


def _unpack(file: Path, work: Path) -> None:
    try:
        with tarfile.open(file, "r:") as tar:
            for member in tar:
                name = PurePosixPath(member.name)
                if not ENTRIES.fullmatch(name.parts[0] if name.parts else ""):
                    raise ValueError(f"it holds {member.name!r}, which belongs to no entry")
                tar.extract(member, work, filter="data")
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise ValueError(
            f"store import: {file} is no export of a store: {error}. Make one with: "
            "coupling-bench store export ADDRESS... --to FILE.tar"
        ) from None


def _check_imported(folder: Path) -> None:
    try:
        entry = read(folder)
        if entry is None:
            raise DamagedError("it has no manifest")
        if address_of(entry.manifest["spec"]) != folder.name:
            raise DamagedError("its name is not that of the spec in its manifest")
        entry.check()
        names = {path.relative_to(folder).as_posix() for path in files_of(folder)}
        strange = sorted(names - entry.manifest["files"].keys())
        if strange:
            raise DamagedError(f"{strange[0]} is not in its manifest")
    except (DamagedError, KeyError, TypeError) as error:
        raise ValueError(f"store import: {folder.name}: {error}. Nothing was taken.") from None
