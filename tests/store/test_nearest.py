"""A miss is explained by the fields that differ from the nearest entry."""

from dataclasses import replace

from coupling_bench.fingerprint import address, canonical
from coupling_bench.store.nearest import nearest
from tests.store.examples import BASE, OTHER, RL, SFT, filled


def test_the_nearest_entry_is_named_with_every_field_that_differs_and_no_other(tmp_path):
    store = filled(tmp_path, specs=(BASE, SFT, OTHER, RL))
    asked = replace(OTHER, learning_rate=0.5, start=replace(BASE, max_steps=77))
    found = nearest(store, canonical(asked))
    assert found.address == address(OTHER)
    assert found.differences == [
        ("learning_rate", 0.5, OTHER.learning_rate),
        ("start.max_steps", 77, BASE.max_steps),
    ]


def test_an_entry_itself_may_be_left_out_and_other_kinds_are_not_near(tmp_path):
    store = filled(tmp_path, specs=(BASE, SFT))
    assert nearest(store, canonical(SFT)).differences == []
    assert nearest(store, canonical(SFT), besides=address(SFT)) is None
    assert nearest(store, canonical(RL)) is None
