"""From observations to policies over the answers and anything else."""

import numpy as np
import pytest

from coupling_bench.measures import policies
from tests.observations import observation, random_observation


def test_outcomes_are_the_answers_probabilities_and_what_they_leave():
    seen = random_observation(0)
    answers = np.exp(seen.answer_logps)
    every = policies.outcomes(seen, slice(None))
    np.testing.assert_allclose(every[..., :2], answers, atol=policies.ROUNDING)
    np.testing.assert_allclose(every[..., 2], 1 - answers.sum(axis=-1), atol=policies.ROUNDING)
    assert (policies.outcomes(seen) == every[-1]).all()
    assert (policies.outcomes(seen, 1) == every[1]).all()


def test_rounding_above_one_is_divided_out_and_something_is_left_to_anything_else():
    with np.errstate(divide="ignore"):
        seen = observation(np.log([[[0.6, 0.4 + 5e-7], [1.0, 0.0]]]), [0, 1])
    outcomes = policies.outcomes(seen)
    np.testing.assert_allclose(outcomes.sum(axis=1), 1.0, rtol=1e-15)
    np.testing.assert_allclose(outcomes[:, 2], policies.ROUNDING, rtol=1e-5)


def test_anything_else_earns_what_the_verifier_gives_to_no_answer_and_is_not_demonstrated():
    seen = observation(np.log([[[0.6, 0.3]] * 3]), [0, 1, 1], other_reward=np.array(-0.5))
    assert policies.outcome_rewards(seen).tolist() == [
        [1.0, -1.0, -0.5], [-1.0, 1.0, -0.5], [-1.0, 1.0, -0.5],
    ]  # fmt: skip
    np.testing.assert_allclose(policies.demonstrators(seen)[:, 2], 0.0)
    np.testing.assert_allclose(policies.demonstrators(seen)[:, :2], seen.demonstrated)


def test_open_answers_have_no_list_of_probabilities():
    with pytest.raises(ValueError, match="needed a closed set"):
        policies.outcomes(observation(np.log([[[0.6, 0.3]]]), [0], answers=None))
