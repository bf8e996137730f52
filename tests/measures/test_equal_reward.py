"""What two schedules lose where they have gained as much."""

import numpy as np
import pytest

from coupling_bench.measures import equal_reward
from coupling_bench.store import Store
from tests.measures.test_fronts import HELD_OUT, schedule


def test_losses_are_compared_at_the_reward_that_both_reach(tmp_path):
    """Demonstrators err at 10 %: L = -0.9 log p - 0.1 log(1 - p), and J = 2 p - 1."""
    store = Store(tmp_path)
    further = schedule(store, "sft:4,grpo:2", [[0.6, 0.7], [0.7, 0.98]])
    less = schedule(store, "joint:2", [[0.6, 0.9]])
    rows = equal_reward.rows(less, further, HELD_OUT)
    assert [row["reward"] for row in rows] == pytest.approx([0.8] * 3)

    def loss(p):
        return -0.9 * np.log(p) - 0.1 * np.log(1 - p)

    share = (0.9 - 0.7) / (0.98 - 0.7)
    expected = loss(0.9) - (1 - share) * loss(0.7) - share * loss(0.98)
    np.testing.assert_allclose(
        equal_reward.loss_difference(less, further, HELD_OUT), [expected] * 3
    )
    assert [row["loss_difference"] for row in rows] == pytest.approx([expected] * 3)
