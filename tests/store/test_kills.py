"""Training processes that are killed for real; the long campaign is ``make reliability``."""

import pytest

from tests.reliability.kills import campaign


@pytest.mark.parametrize("kind", ["sft", "grpo on old completions"])
def test_a_killed_process_loses_nothing_and_the_next_ones_end_with_the_same_bytes(kind, tmp_path):
    found = campaign([kind], 2, tmp_path, seed=1)
    assert found.kills[kind] >= 2
    assert not found.wrong
