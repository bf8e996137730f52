"""The change of the loss at equal reward, along a run that has no fixed point."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench.measures import loss, reward, stopping
from coupling_bench.runs import Split
from coupling_bench.store import Store
from tests.observations import observation, store_runs

HELD_OUT = Split(name="held_out")
SURER = observation(
    np.log([[[p, 1 - p]] for p in (0.7, 0.8, 0.95, 0.99, 0.995)]), [0], label_noise=0.1
)
"""A policy that becomes surer of the true answer at each snapshot."""


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=8, unique=True), st.floats(-1, 1))
def test_on_a_line_every_level_has_the_loss_of_the_line(rewards, level):
    """Whatever the snapshots: a loss that is linear in the reward is met exactly."""
    rewards = np.sort(rewards)
    found = stopping.rise_at_reward(3 * rewards + 2, rewards, level)
    if level > rewards[-1]:
        assert found is None
    else:
        assert found == pytest.approx(3 * (max(level, rewards[0]) - rewards[0]), abs=1e-9)


def test_the_first_time_counts_where_the_reward_falls_again():
    losses, rewards = np.array([0.0, 1.0, 5.0, 9.0]), np.array([0.0, 0.8, 0.2, 0.9])
    assert stopping.rise_at_reward(losses, rewards, 0.4) == pytest.approx(0.5)


def test_early_and_late_changes_add_up_to_the_whole(tmp_path):
    runs = store_runs(Store(tmp_path), [SURER, dataclasses.replace(SURER)])
    end = reward.reward_curve(SURER)[-1]
    late = stopping.late_loss_rise(runs, HELD_OUT, within=0.02)
    early = stopping.rise_at_reward(loss.loss_curve(SURER), reward.reward_curve(SURER), end - 0.02)
    whole = loss.loss_curve(SURER)[-1] - loss.loss_curve(SURER)[0]
    np.testing.assert_allclose(late + early, whole)
    rows = stopping.stopping(runs, HELD_OUT)
    assert [row["step"] for row in rows] == [0, 10, 20, 30, 40] * 2
    assert rows[4]["loss_change"] == pytest.approx(whole)
    at = stopping.at_equal_reward(runs, HELD_OUT, [end - 0.02, 1.0])
    assert [row["loss_change"] for row in at[:2]] == pytest.approx([early, early])
    assert at[2]["loss_change"] is None
