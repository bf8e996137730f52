"""Training processes that are killed for real; the long campaign is ``make reliability``."""

from tests.reliability.kills import campaign

KIND = "grpo on old completions"


def test_a_killed_process_loses_nothing_and_the_next_ones_end_with_the_same_bytes(tmp_path):
    found = campaign([KIND], 2, tmp_path, seed=1)
    assert found.kills[KIND] >= 2
    assert not found.wrong
