"""Whether schedules reach what others do not: exactly without noise, and by no luck with it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coupling_bench.measures import fronts, paths
from coupling_bench.pipelines import GROUPS, NODES, lineage, strings
from coupling_bench.runs import Runs, Split
from coupling_bench.store import Store
from tests.observations import observation, random_observation, store_runs
from tests.tiny import recipe

RECIPE = recipe()
HELD_OUT = Split(name="held_out")
POINTS = arrays(np.float64, st.tuples(st.integers(1, 5), st.just(2)), elements=st.floats(-1, 1))


@given(POINTS, POINTS)
def test_without_noise_it_is_the_least_step_that_brings_theirs_up_to_ours(ours, theirs):
    """By its definition: with any less given to theirs in both, a point of ours is still beyond."""
    found = fronts.differences(ours[None].repeat(3, 0), theirs[None].repeat(3, 0))
    (beyond, *others) = fronts.scored(found, found)
    assert others == [beyond, beyond]

    def reached(step):
        """Whether theirs, better by ``step`` in both, are nowhere behind any point of ours."""
        return all(any(b[0] - step <= a[0] and b[1] + step >= a[1] for b in theirs) for a in ours)

    assert reached(beyond + 1e-9)
    assert not reached(beyond - 1e-9)


@pytest.mark.parametrize(("ours", "theirs"), [(30, 1), (1, 30), (30, 30)])
def test_more_schedules_that_are_no_better_gain_nothing(ours, theirs):
    """All have the same true point; what is best of many on its own seed and items is not."""
    draw = np.random.default_rng(0)
    scores, lucky = [], []
    for _ in range(300):
        noise = [draw.normal(size=(4, many, 2)) for many in (ours, theirs, ours, theirs)]
        choosing, scoring = fronts.differences(*noise[:2]), fronts.differences(*noise[2:])
        scores.append(fronts.scored(choosing, scoring).mean())
        lucky.append(choosing.max(3).min(2).max(1).mean())
    error = np.std(scores) / np.sqrt(len(scores))
    assert abs(np.mean(scores)) < 4 * error
    assert abs(np.mean(lucky)) > 10 * error


def flat(loss_and_reward) -> np.ndarray:
    """Return log-probabilities ``(N, P, 2)`` of policies that are right with probability p."""
    right = np.array(loss_and_reward)[:, None].repeat(8, 1)
    return np.log(np.stack([right, 1 - right], axis=2))


def schedule(store, text, per_stage, seeds=3) -> Runs:
    """Runs of a schedule whose stages answer rightly with the probabilities of their snapshots."""
    of_seeds = [list(lineage(strings.build(text, RECIPE, seed)))[1:] for seed in range(seeds)]
    for stage, right in zip(zip(*of_seeds, strict=True), per_stage, strict=True):
        seen = observation(flat(right), [0] * 8)
        runs = store_runs(store, [seen] * seeds, text, list(stage))
    return runs


def test_a_path_goes_through_all_stages_and_counts_each_moment_once(tmp_path):
    runs = schedule(Store(tmp_path), "sft:4,grpo:2", [[0.6, 0.7], [0.7, 0.8, 0.9]])
    found = paths.path(runs, HELD_OUT)
    assert found.steps.tolist() == [0, 10, 20, 30]
    np.testing.assert_allclose(found.rewards, [[0.2, 0.4, 0.6, 0.8]] * 3)
    even, odd = (paths.path(runs, HELD_OUT, half) for half in fronts.HALVES)
    np.testing.assert_allclose((even.losses + odd.losses) / 2, found.losses)


def test_a_point_between_two_snapshots_of_another_schedule_does_not_lie_beyond_it():
    """Losses and rewards rise in a line; theirs was seen at its ends alone, ours in the middle."""
    line = np.array([[0.0, 1.0]] * 3)
    theirs = paths.Path(node="theirs", steps=np.array([0.0, 10.0]), losses=line, rewards=line)
    ours = np.full((3, 1, 2), 0.5)
    found = {}
    for name, one in (("sparse", theirs), ("dense", paths.dense(theirs))):
        beyond = fronts.differences(ours, np.stack([one.losses, one.rewards], axis=2))
        found[name] = fronts.scored(beyond, beyond)
    np.testing.assert_allclose(found["sparse"], 0.5)
    np.testing.assert_allclose(found["dense"], 0.0, atol=1e-9)


def test_a_schedule_that_is_better_in_both_lies_beyond_the_orders(tmp_path):
    """By what is left of the nearer measure; the orders' ends are one unit apart in each."""
    store = Store(tmp_path)
    first = schedule(store, "sft:4,grpo:2", [[0.6, 0.7], [0.7, 0.99]])
    second = schedule(store, "grpo:2,sft:4", [[0.6, 0.7], [0.7, 0.9]])
    orders = [first, second]
    best = schedule(store, "joint:2", [[0.6, 0.9]])
    np.testing.assert_allclose(fronts.beyond([best], orders, orders, HELD_OUT), 0.0, atol=0.02)
    np.testing.assert_allclose(
        fronts.beyond([second], [first], orders, HELD_OUT),
        fronts.beyond([best], [first], orders, HELD_OUT),
    )
    assert np.all(fronts.beyond([best], [first], orders, HELD_OUT) > 0.1)


def test_points_have_the_means_and_the_front_of_all(tmp_path):
    store = Store(tmp_path)
    seen = [random_observation(seed) for seed in range(3)]
    stages = [strings.build("sft:4", RECIPE, seed) for seed in range(3)]
    rows = fronts.points([store_runs(store, seen, "sft:4", stages)], HELD_OUT)
    found = paths.path(
        Runs(node="sft:4", seeds=(0, 1, 2), stages=tuple(stages), store=store), HELD_OUT
    )
    for place, row in enumerate(rows):
        assert row["loss"] == pytest.approx(found.losses[:, place].mean())
        assert row["reward_low"] < row["reward"] < row["reward_high"]
    assert [row["end"] for row in rows] == [False, False, True]
    for row in rows:
        better = [o for o in rows if o["loss"] < row["loss"] and o["reward"] > row["reward"]]
        assert row["on_front"] == (not better)


def test_all_schedules_that_are_compared_spend_the_same():
    """Demonstrations and completions, whatever the sizes of batches."""
    whole = replace(RECIPE, scale="small")
    spent = {name: paths.compute(NODES[name](whole, 0)) for name in GROUPS["schedules"]}
    for kind in ("demonstrations", "completions"):
        assert len({of_one[kind] for of_one in spent.values()}) == 1, spent
