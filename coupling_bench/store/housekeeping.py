"""Removing entries: what was not used for longest goes first, and nothing that is in use.

An entry is kept as long as one that was made from it: without its start, a plan would train the
start again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from coupling_bench.store import DAMAGED, FAILED, LOCKS, TRASH, UNFINISHED, USES, WORK, Store
from coupling_bench.store.attempts import discard
from coupling_bench.store.entries import ENTRIES, read
from coupling_bench.store.listing import Row, rows
from coupling_bench.store.single_flight import claim, in_progress


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What was removed, or would be."""

    removed: list[Row]
    kept: list[Row]
    in_use: list[Row]
    """Of those kept, what would have gone if nobody needed it."""
    leftovers: list[Path]
    """Folders that are no entries: of dead attempts, of failures, of damaged entries."""


def sweep(
    store: Store,
    *,
    keep_last: int | None = None,
    max_size: int | None = None,
    leftovers: bool = False,
    dry: bool = False,
) -> Swept:
    """Remove entries until a limit is kept.

    Args:
        store: whose entries.
        keep_last: so many are kept, those used last, with all that they were made from.
        max_size: bytes that the entries together may have.
        leftovers: whether unfinished attempts, failures and damaged entries go, too.
        dry: only say what would be removed.
    """
    found = rows(store)
    ordered = _oldest_first(found)
    limit = len(found) - keep_last if keep_last is not None else None
    size = sum(row.bytes for row in found)
    wanted: list[Row] = []
    for row in ordered:
        over = max_size is not None and size > max_size
        if not over and not (limit is not None and len(wanted) < limit):
            break
        wanted.append(row)
        size -= row.bytes
    needed = _needed(store, found)
    removed = []
    for row in wanted:
        if row.address not in needed and (dry or _remove(store, row)):
            removed.append(row)
    gone = {row.address for row in removed}
    rest = list(_leftovers(store)) if leftovers else []
    if not dry:
        rest = [folder for folder in rest if _clear(store, folder)]
    return Swept(
        removed=removed,
        kept=[row for row in found if row.address not in gone],
        in_use=[row for row in wanted if row.address not in gone],
        leftovers=rest,
    )


def _oldest_first(found: Iterable[Row]) -> list[Row]:
    """Return entries in the order in which they go: by the last use of all made from them."""
    latest: dict[str, float] = {}
    for row in found:
        for name in (row.address, *row.parents):
            latest[name] = min(latest.get(name, row.unused), row.unused)
    return sorted(found, key=lambda row: (-latest[row.address], -len(row.parents), row.address))


def _needed(store: Store, found: Iterable[Row]) -> set[str]:
    """Return the addresses that runs need: theirs, what is being made, and what they start from."""
    uses = store.root / USES
    asked = {
        name
        for file in uses.glob("*.txt")
        if in_progress(uses, file.stem)
        for name in file.read_text().split()
    }
    locks = store.root / LOCKS
    asked |= {file.stem for file in locks.glob("*.lock") if in_progress(locks, file.stem)}
    ancestors = {name for row in found if row.address in asked for name in row.parents}
    return asked | ancestors


def _remove(store: Store, row: Row) -> bool:
    """Remove one entry unless somebody has begun to need it; say whether it is gone."""
    if row.address in _needed(store, [row]):
        return False
    discard(store.root, store.root / row.address)
    return True


def _leftovers(store: Store) -> Iterable[Path]:
    """Yield what is no entry and what nobody is at work on or needs any more."""
    for folder in store.root.glob(f"{WORK}*"):
        if not in_progress(store.root / LOCKS, _key(folder)):
            yield folder
    for kind in (FAILED, DAMAGED):
        yield from (store.root / kind).glob("*")
    yield from store.root.glob(f"{TRASH}*")


def _clear(store: Store, leftover: Path) -> bool:
    """Delete a leftover, unless somebody has gone on with it meanwhile; say whether it is gone."""
    try:
        if leftover.name.startswith(WORK):
            with claim(store.root / LOCKS, _key(leftover), _busy):
                discard(store.root, leftover)
        else:
            discard(store.root, leftover)
    except (FileNotFoundError, BlockingIOError):
        return False
    return True


def _busy(owner: object) -> None:
    raise BlockingIOError(f"{owner} is at work on it")


def _key(folder: Path) -> str:
    """Return the address that a folder of an attempt is of."""
    return folder.name.removeprefix(WORK).rpartition("-")[0]


def unfinished(store: Store) -> list[str]:
    """Return the addresses of attempts that were killed and can be gone on with."""
    folders = store.root.glob(f"{WORK}*/{UNFINISHED}")
    return sorted({_key(folder.parent) for folder in folders})


def damaged(store: Store, tell: Callable[[str, str], None]) -> int:
    """Compare every entry with its manifest, ``tell`` each that differs; return how many do."""
    count = 0
    for folder in sorted(store.root.iterdir()) if store.root.is_dir() else ():
        if not ENTRIES.fullmatch(folder.name):
            continue
        try:
            entry = read(folder)
            if entry is not None:
                entry.check()
        except ValueError as error:  # damaged, or of another version
            count += 1
            tell(folder.name, str(error))
    return count
