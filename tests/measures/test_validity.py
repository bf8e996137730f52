"""Cells and thresholds of the map of validity, of policies whose closed form is known."""

import math

import numpy as np
import pytest

from coupling_bench.measures import thresholds, validity
from coupling_bench.measures.crossings import Crossing, bootstrap, off_by, sign_change
from coupling_bench.measures.policies import outcome_rewards, outcomes
from coupling_bench.runs import observe
from coupling_bench.store import Store
from coupling_bench.theory import policies, threshold, tilting
from tests.observations import observation, random_observation, store_runs

NOISES = (0.0, 0.05, 0.2, 0.4)
BETAS = (4.0, 1.0, 0.5, 0.3)


def tilted(seed, betas, start=None):
    """A policy, random by default, and its optima at some penalties: the snapshots of one run."""
    start = start or random_observation(seed, items=40, snapshots=1)
    policy, rewards = outcomes(start), outcome_rewards(start)
    after = [policy, *(tilting.tilt(policy, rewards, beta) for beta in betas)]
    return observation(np.log(np.stack(after)[..., :2]), start.truth)


@pytest.fixture
def runs(tmp_path):
    """Two seeds of RL that is the closed form, at four penalties."""
    return store_runs(Store(tmp_path), [tilted(0, BETAS), tilted(1, BETAS)])


@pytest.mark.parametrize("noise", NOISES)
def test_rl_that_is_the_closed_form_changes_the_loss_as_predicted(runs, noise):
    """With beta solved from the reward as with beta told; and E KL(p_D || p_RL) - epsilon is it.

    But for the mass of 1e-6 that every policy is taken to leave to anything else.
    """
    solved = validity.loss_cells(runs, noise, 0)
    assert [(c.seed, c.rl_step) for c in solved] == [
        (s, 10 * k) for s in (0, 1) for k in range(1, 5)
    ]
    for number, cell in enumerate(solved):
        told = validity.loss_cells(runs, noise, 0, beta=BETAS[number % 4])[number]
        start = observe(runs, validity.HELD_OUT)[cell.seed]
        given, policy = validity.demonstrators(start, noise), outcomes(start, 0)
        assert cell.demonstrator_reward == pytest.approx(1 - 2 * noise)
        assert cell.epsilon == pytest.approx(float(policies.kl(given, policy)), abs=1e-9)
        assert cell.predicted_change == pytest.approx(cell.loss_change, abs=1e-4)
        assert told.predicted_change == pytest.approx(cell.loss_change, abs=1e-4)
        assert cell.loss_change == pytest.approx(cell.kl_demonstrators_rl - cell.epsilon, abs=1e-9)
        assert cell.loss_change >= cell.lower_bound - cell.epsilon
    assert validity.wrong_signs(solved).tolist() == [0.0, 0.0]


def test_beta_star_is_found_from_changes_on_both_sides_of_it(tmp_path):
    """Penalties a factor of two apart give the exact root to two percent."""
    betas = [0.05 * 2**k for k in range(9)]
    seen = tilted(0, betas)
    cells = []
    for number, beta in enumerate(betas):
        one = observation(seen.answer_logps[[0, number + 1]], seen.truth)
        runs = store_runs(Store(tmp_path / str(number)), [one, one])
        cells += validity.loss_cells(runs, 0.1, 0, beta=beta)
    exact = validity.threshold_betas(runs, 0.1)
    start, rewards = outcomes(seen, 0), outcome_rewards(seen)
    given = validity.demonstrators(seen, 0.1)
    assert exact == pytest.approx([threshold.threshold_beta(start, given, rewards)] * 2)
    (found,) = thresholds.of_beta(cells, lambda noise: exact)
    assert found.at == {"label_noise": 0.1}
    assert found.measured == pytest.approx(exact, rel=0.02)
    assert found.low == pytest.approx(found.high) == pytest.approx(found.crossing)
    assert (off_by([found], relative=True) < math.log(1.02)).all()
    assert np.isnan(validity.threshold_betas(runs, 0.0)).all()  # gold: RL never raises the loss


def test_cells_of_grpo_are_compared_with_the_same_cells_alone(runs):
    cells = validity.loss_cells(runs, 0.2, 0)
    assert {cell.measured_sign for cell in cells} == {-1, 1}
    same = validity.loss_cells(runs, 0.2, 0, trainer="GRPO")
    gold = validity.loss_cells(runs, 0.0, 0)  # where the loss always falls
    assert validity.other_signs(same, [*cells, *gold]).tolist() == [0.0, 0.0]
    rose = [np.mean([c.measured_sign > 0 for c in cells if c.seed == seed]) for seed in (0, 1)]
    relabelled = validity.loss_cells(runs, 0.2, 0)
    for cell in relabelled:
        object.__setattr__(cell, "loss_change", -1.0)
    assert validity.other_signs(cells, relabelled).tolist() == pytest.approx(rose)


def test_too_few_cells_below_the_threshold_say_nothing(tmp_path):
    """SFT that is at its optimum for one kind of demonstrators, and not for the others."""
    right = np.arange(2) == np.array([0, 1, 1])[:, None]
    optimum = observation(np.log(np.where(right, 0.8, 0.199))[None], [0, 1, 1])
    runs = store_runs(Store(tmp_path), [tilted(0, BETAS, optimum)])
    cells = [cell for noise in NOISES for cell in validity.loss_cells(runs, noise, 0)]
    gaps = [(2 * ((c.reward - c.demonstrator_reward) / 2) ** 2, c) for c in cells]
    below = [cell for bound, cell in gaps if cell.epsilon < bound]
    assert {cell.label_noise for cell in below} >= {0.2}
    assert len(below) < len(cells)
    assert all(cell.loss_change > 0 for cell in below)
    assert validity.below_threshold(cells, at_least=len(below)) == below
    with pytest.raises(ValueError, match=rf"seed 0 has {len(below)} cells .* needed {len(cells)}"):
        validity.below_threshold(cells, at_least=len(cells))


def test_sft_that_converges_turns_the_reward_where_demonstrators_earn_what_rl_earned(tmp_path):
    """RL that errs at 7 %, demonstrators at 0, 5 and 20 %: the reward turns at 7 % of noise."""

    def policy(error):
        right = np.arange(2) == np.array([0, 1, 1])[:, None]
        return np.log(np.where(right, 1 - error, error))

    cells = []
    for number, noise in enumerate((0.0001, 0.05, 0.2)):
        seen = observation(np.stack([policy(0.07), policy(0.5), policy(noise)]), [0, 1, 1])
        runs = store_runs(Store(tmp_path / str(number)), [seen, seen])
        cells += validity.reward_cells(runs, noise, 20)
    end = validity.at_the_end(cells)
    assert [cell.measured_sign for cell in end] == [1, 1, 1, 1, -1, -1]
    assert validity.wrong_signs(end).tolist() == [0.0, 0.0]
    (found,) = thresholds.of_label_noise(cells)
    assert found.at == {"rl_step": 20}
    assert [*found.measured, *found.predicted, found.crossing] == pytest.approx(
        [0.07] * 5, abs=1e-5
    )
    assert found.row(9)["pipeline"] == "rl_then_sft"


def test_a_sign_that_never_turns_has_no_number_in_the_table_and_counts_as_the_end_of_its_axis():
    """Measured nowhere, predicted at 0.5 of an axis from 0.1 to 1: off by what is known of it."""
    x = np.array([[0.1, 1.0], [0.1, 1.0]])
    assert math.isnan(sign_change(x[0], np.array([1.0, 2.0])))
    for y, end in ((np.ones((2, 2)), 1.0), (-np.ones((2, 2)), 0.1)):
        missed = Crossing.of("p", "u", {}, x=x, y=y, predicted=np.full(2, 0.5), rises=False)
        row = missed.row(1)
        assert (row["crossing"], row["low"], row["high"]) == (None, None, None)
        assert row["predicted"] == 0.5
        assert off_by([missed], relative=False) == pytest.approx([abs(end - 0.5)] * 2)
        assert off_by([missed], relative=True) == pytest.approx([abs(math.log(end / 0.5))] * 2)
    nowhere = Crossing.of("p", "u", {}, x=x, y=y, predicted=y, rises=False)
    assert nowhere.row(1)["predicted"] is None
    with pytest.raises(ValueError, match="no change turns its sign"):
        off_by([nowhere], relative=False)


def test_the_bootstrap_covers_the_crossing_of_the_mean():
    """Lines of slope 1 through noisy roots: nearly all intervals hold the true root."""
    generator = np.random.default_rng(5)
    x = np.tile(np.linspace(0, 2, 5), (20, 1))
    held = 0
    for _ in range(20):
        roots = generator.normal(1.0, 0.1, size=(20, 1))
        crossing, low, high = bootstrap(x, x - roots)
        assert low < crossing < high
        held += low <= 1.0 <= high
    assert held >= 16
