"""What theorems are about, on observations whose numbers are known in closed form."""

from dataclasses import replace

import numpy as np
import pytest

from coupling_bench.measures import divergence, loss, theory
from tests.observations import policy, tilted


def test_demonstrators_who_err_once_in_ten_are_known():
    """Of rewards +1 and -1 the variance is 4 * 0.1 * 0.9, and nine of ten earn the most."""
    assert theory.reward_variance(policy(0)) == pytest.approx(0.36)
    assert theory.max_reward_share(policy(0)) == pytest.approx(0.9)


def test_where_no_answer_is_best_no_demonstration_earns_the_most():
    assert theory.max_reward_share(replace(policy(0), other_reward=np.array(2.0))) == 0.0


@pytest.mark.parametrize("beta", [0.3, 4.0])
def test_the_closed_form_of_a_tilted_policy_is_itself(beta):
    start = policy(0)
    end = tilted(start, beta)
    form = theory.closed_form(start, end)
    assert form.beta == pytest.approx(beta, rel=1e-6)
    change = loss.loss_curve(end)[-1] - loss.loss_curve(start)[-1]
    assert form.loss_change == pytest.approx(change, abs=1e-8)
    distance = divergence.kl_by_item(end, start).mean()
    assert form.divergence == pytest.approx(distance, abs=1e-8)


def test_a_reward_that_fell_has_no_closed_form():
    start = policy(0)
    assert theory.closed_form(tilted(start, 1.0), start) is None
    assert theory.closed_form(start, start) is None
