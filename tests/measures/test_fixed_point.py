"""Fixed points: where GRPO's expected step vanishes, and what the loss has done there."""

import dataclasses
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from coupling_bench.measures import fixed_point, loss
from coupling_bench.measures.policies import ROUNDING
from coupling_bench.runs import Split
from coupling_bench.store import Store
from coupling_bench.theory.tilting import tilt
from tests.observations import observation, random_observation, store_runs
from tests.tiny import recipe

HELD_OUT = Split(name="held_out")
GRPO = replace(recipe().rl, beta=0.7, scale_rewards="none", num_generations=5)


def expected_step(p, start, rewards, beta, group, scaled=False):
    """Expected gradient of one prompt's logits by TRL's loss, over every group that can be drawn.

    An advantage is the reward less the group's mean; the penalty's gradient is that of k3 with the
    bias correction, log(p / p_start) times the score. The score of y is 1_y - p.
    """
    step = np.zeros_like(p)
    for drawn in itertools.product(range(len(p)), repeat=group):
        answers = list(drawn)
        advantages = rewards[answers] - rewards[answers].mean()
        if scaled and advantages.any():
            advantages /= rewards[answers].std(ddof=1)
        weights = advantages - beta * np.log(p / start)[answers]
        score = np.eye(len(p))[answers] - p
        step += p[answers].prod() * (weights[:, None] * score).mean(axis=0)
    return step


@pytest.mark.parametrize("group", [2, 5])
def test_grpo_stands_still_at_the_optimum_of_the_groups_beta_and_nowhere_near_the_nominal(group):
    stage = replace(GRPO, num_generations=group)
    start, rewards = np.array([0.6, 0.3, 0.1]), np.array([1.0, -1.0, 0.5])

    def step(beta):
        optimum = tilt(start[None], rewards[None], beta)[0]
        return np.abs(expected_step(optimum, start, rewards, stage.beta, group)).max()

    assert step(fixed_point.group_beta(stage)) < 1e-12
    assert step(stage.beta) > 0.01


def test_on_scaled_rewards_grpo_leaves_that_optimum_for_more_reward():
    """As the suite of the contrast arm says: a rare wrong answer weighs more than its reward."""
    stage = replace(GRPO, beta=1.0, num_generations=8)
    start, rewards = np.array([0.9, 0.1]), np.array([1.0, -1.0])
    optimum = tilt(start[None], rewards[None], fixed_point.group_beta(stage))[0]
    stand = expected_step(optimum, start, rewards, stage.beta, 8)
    leave = expected_step(optimum, start, rewards, stage.beta, 8, scaled=True)
    assert np.abs(stand).max() < 1e-12
    assert leave[0] > 0.001


@pytest.mark.parametrize(("later", "stands"), [(0.0, True), (0.5, False)])
def test_grpo_goes_elsewhere_where_a_later_token_is_open_too(later, stands):
    """Answers ac, ad and b: after a, a second token is drawn; TRL counts each token's own KL.

    The step of the first token's logit at Eq. 8's optimum, for an infinite group.
    """
    start, rewards = np.array([0.5 * (1 - later), 0.5 * later, 0.5]), np.array([1.0, -1.0, -0.2])
    optimum = tilt(start[None], rewards[None], 0.7)[0]
    first, first_start = optimum[:2].sum(), start[:2].sum()
    score = np.array([1 - first, 1 - first, -first])
    ratio = np.log([first / first_start] * 2 + [(1 - first) / (1 - first_start)])
    step = (optimum * score * (rewards - 0.7 * ratio)).sum()
    assert (abs(step) < 1e-12) == stands
    if not stands:
        whole = (optimum * score * (rewards - 0.7 * np.log(optimum / start))).sum()
        assert abs(whole) < 1e-12 < 0.01 < step


def test_without_a_penalty_there_is_no_beta_of_a_group():
    with pytest.raises(ValueError, match="needed a penalty"):
        fixed_point.group_beta(replace(GRPO, beta=0.0))


def tilted(seen, beta):
    """The observation that a policy at the optimum would give, by hand for two answers."""
    p = np.exp(seen.answer_logps[-1])
    rest = 1 - p.sum(axis=1, keepdims=True)
    weights = p * np.exp(seen.rewards / beta)
    z = weights.sum(axis=1, keepdims=True) + rest * math.exp(-1 / beta)
    return dataclasses.replace(seen, answer_logps=np.log(weights / z)[None], steps=np.array([0]))


def test_at_the_optimum_the_divergence_is_zero_and_the_loss_changes_as_predicted(tmp_path):
    """And away from it, at the start, the divergence is not."""
    starts = [random_observation(seed) for seed in range(2)]
    store = Store(tmp_path)
    start = store_runs(store, starts)
    rl = store_runs(store, [tilted(seen, 0.7 * 5 / 4) for seen in starts], "rl", GRPO)
    np.testing.assert_allclose(fixed_point.kl_to_tilted(rl, start, HELD_OUT), 0, atol=ROUNDING)
    np.testing.assert_allclose(fixed_point.relative_loss_change(rl, start, HELD_OUT), 1)
    rows = fixed_point.fixed_points(rl, start, HELD_OUT)
    assert [row["seed"] for row in rows] == [0, 1]
    for row, seen in zip(rows, starts, strict=True):
        change = loss.loss_curve(tilted(seen, 0.7 * 5 / 4))[-1] - loss.loss_curve(seen)[-1]
        assert row["predicted"] == pytest.approx(change)
        assert row["tilted_reward"] == pytest.approx(row["reward"])


def test_the_divergence_is_that_of_the_formula_for_two_answers(tmp_path):
    p, q = 0.9, 0.6
    store, beta = Store(tmp_path), 0.7 * 5 / 4
    start = store_runs(store, [observation(np.log([[[q, 1 - q]]]), [0])])
    rl = store_runs(store, [observation(np.log([[[p, 1 - p]]]), [0])], "rl", GRPO)
    best = q * math.exp(1 / beta) / (q * math.exp(1 / beta) + (1 - q) * math.exp(-1 / beta))
    expected = p * math.log(p / best) + (1 - p) * math.log((1 - p) / (1 - best))
    assert fixed_point.kl_to_tilted(rl, start, HELD_OUT) == pytest.approx([expected], abs=ROUNDING)


def test_other_trainers_than_grpo_are_refused(tmp_path):
    runs = store_runs(Store(tmp_path), [random_observation(0)])
    with pytest.raises(TypeError, match="no GRPO"):
        fixed_point.kl_to_tilted(runs, runs, HELD_OUT)
