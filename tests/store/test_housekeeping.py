"""gc removes what was unused for longest, and nothing that somebody needs."""

import itertools
import json
import os
import random
import time

import pytest

from coupling_bench.fingerprint import address
from coupling_bench.store import FAILED, UNFINISHED
from coupling_bench.store.entries import MANIFEST
from coupling_bench.store.housekeeping import damaged, sweep, unfinished
from coupling_bench.store.listing import rows
from coupling_bench.store.single_flight import claim
from tests.store.examples import BASE, OTHER, RL, SFT, filled, write

ALL = {address(spec): spec for spec in (BASE, SFT, RL, OTHER)}


def used(store, spec, days_ago):
    then = time.time() - 86_400 * days_ago
    os.utime(store.folder(spec) / MANIFEST, (then, then))


def left(store):
    return {row.address for row in rows(store)}


def test_a_listing_says_what_each_entry_is_the_one_used_last_first(tmp_path):
    store = filled(tmp_path)
    for days, spec in enumerate((SFT, RL, BASE, OTHER), start=1):
        used(store, spec, days)
    found = rows(store)
    assert [row.address for row in found] == [address(s) for s in (SFT, RL, BASE, OTHER)]
    assert found[1].what == "Pretrain, SFT, GRPO: embedded on grammar, seed 0"
    assert found[1].parents == (address(SFT), address(BASE))
    sizes = [sum(p.stat().st_size for p in store.folder(RL).rglob("*") if p.is_file())]
    assert [found[1].bytes] == sizes
    store.get(OTHER)
    assert rows(store)[0].address == address(OTHER)


def test_whatever_was_used_when_a_limit_is_kept_and_no_entry_loses_its_start(tmp_path):
    """In every order of last use, for both limits: what is left is closed, and the rest older."""
    specs, draw = (BASE, SFT, RL, OTHER), random.Random(0)
    for number, order in enumerate(itertools.permutations(range(4))):
        store = filled(tmp_path / str(number))
        for spec, days in zip(specs, order, strict=True):
            used(store, spec, days)
        total = sum(row.bytes for row in rows(store))
        count, size = draw.randrange(5), draw.randrange(total)
        before = {row.address: row for row in rows(store)}
        if number % 2:
            swept = sweep(store, keep_last=count)
            assert len(left(store)) >= count and len(swept.kept) == len(left(store))
        else:
            swept = sweep(store, max_size=size)
            assert sum(row.bytes for row in rows(store)) <= size
        gone = {row.address for row in swept.removed}
        assert gone | left(store) == set(ALL) and not gone & left(store)
        for name in left(store):
            assert not set(before[name].parents) & gone  # a start stays as long as its child
        latest = {  # of an entry and of all that were made from it
            name: min(row.unused for row in before.values() if name in (row.address, *row.parents))
            for name in ALL
        }
        for one, other in itertools.product(gone, left(store)):
            assert latest[one] >= latest[other] - 1


def test_what_a_run_uses_is_not_removed_nor_what_it_starts_from(tmp_path):
    store = filled(tmp_path)
    with store.in_use([address(SFT)]):
        swept = sweep(store, max_size=0)
        assert left(store) == {address(SFT), address(BASE)}
        assert {row.address for row in swept.in_use} == left(store)
    with claim(tmp_path / "locks", address(SFT), pytest.fail):
        sweep(store, max_size=0)
        assert left(store) == {address(SFT), address(BASE)}
    sweep(store, max_size=0)
    assert not left(store)


def test_a_dry_run_says_the_same_and_removes_nothing(tmp_path):
    store = filled(tmp_path)
    dry = sweep(store, keep_last=1, leftovers=True, dry=True)
    assert left(store) == set(ALL)
    swept = sweep(store, keep_last=1, leftovers=True)
    assert [row.address for row in dry.removed] == [row.address for row in swept.removed]
    assert len(left(store)) < len(ALL)


def test_leftovers_go_when_asked_and_not_while_somebody_is_at_work_on_them(tmp_path):
    store = filled(tmp_path, specs=(BASE,))

    def interrupted(folder):
        (folder / UNFINISHED).mkdir()
        assert not sweep(store, leftovers=True).leftovers
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.get_or_make(SFT, interrupted)
    with pytest.raises(ZeroDivisionError):
        store.get_or_make(OTHER, lambda folder: 1 / 0)
    assert unfinished(store) == [address(SFT)]
    assert not sweep(store, keep_last=9).leftovers and unfinished(store)
    swept = sweep(store, leftovers=True)
    assert len(swept.leftovers) == 2
    assert not unfinished(store) and not list((tmp_path / FAILED).iterdir())
    assert left(store) == {address(BASE)}


def test_every_damaged_entry_is_found_and_no_other(tmp_path):
    store = filled(tmp_path)
    (store.folder(SFT) / "weights").write_text("other")
    (store.folder(RL) / MANIFEST).write_text("{")
    other = json.loads((store.folder(BASE) / MANIFEST).read_text()) | {"schema": 99}
    (store.folder(BASE) / MANIFEST).write_text(json.dumps(other))
    found = {}
    assert damaged(store, found.__setitem__) == 3
    assert set(found) == {address(SFT), address(RL), address(BASE)}
    assert "schema 99" in found[address(BASE)]


def test_an_entry_that_is_no_more_than_a_name_is_no_entry(tmp_path):
    store = filled(tmp_path, specs=(BASE,))
    for name in ("lm-eval", "SFTSpec-0", "..SFTSpec-000000000000"):
        (tmp_path / name).mkdir()
        write(tmp_path / name)
        (tmp_path / name / MANIFEST).write_text("{}")
    assert left(store) == {address(BASE)}
