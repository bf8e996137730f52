"""Over a hundred kills at random moments over all kinds of stages: nothing lost, nothing wrong."""

import os

import pytest

from tests.reliability.kills import MANY_KILLS, campaign

KILLS = int(os.environ.get("KILLS", "10"))
"""Of each kind, at least."""


@pytest.mark.parametrize("kind", MANY_KILLS)
def test_what_was_killed_at_random_moments_ends_as_what_was_not(kind, tmp_path, record_property):
    found = campaign([kind], KILLS, tmp_path, seed=len(kind))
    print(f"{kind}: {found.kills[kind]} kills, {found.resumed[kind]} attempts went on")
    record_property("kills", found.kills[kind])
    record_property("resumed", found.resumed[kind])
    assert not found.wrong
    assert found.kills[kind] >= KILLS
