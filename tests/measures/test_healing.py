"""Forgetting and healing, of paths that are made by hand: their peaks and losses are known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from coupling_bench import synthetic
from coupling_bench.measures import healing, window
from coupling_bench.pipelines import NODES, observations
from coupling_bench.runs import Runs
from coupling_bench.store import Store
from tests.observations import observation
from tests.tiny import recipe

RECIPE = recipe()
STEPS = [0, 1, 2, 4]


def answering(chances, steps):
    """An observation whose policy gives the true answer to each item with a chance, ``(N, P)``."""
    chances = np.asarray(chances, dtype=float)
    truth = np.zeros(chances.shape[1], dtype=int)
    return observation(np.log(np.stack([chances, 1 - chances], axis=2)), truth,
                       steps=np.array(steps))  # fmt: skip


def runs(folder, node, per_seed) -> Runs:
    """Runs with ``(held out, out of domain)`` a seed, each ``(steps, chances)``."""
    store, stages = Store(folder), [NODES[node](RECIPE, seed) for seed in range(len(per_seed))]
    for seed, seen in enumerate(per_seed):
        for spec in observations(stages[seed], seed):
            steps, chances = seen[spec.split == "out_of_domain"]
            one = answering(chances, steps)
            store.get_or_make(spec, lambda folder, one=one: synthetic.write(one, folder))
    return Runs(node=node, seeds=tuple(range(len(stages))), stages=tuple(stages), store=store)


def sft(folder, *, inside=(0.7, 0.8, 0.9, 0.8), out_of_domain) -> Runs:
    """A long SFT of one seed for each ``(N, P)`` of ``out_of_domain``."""
    seen = [((STEPS, [[p] * 2 for p in inside]), (STEPS, items)) for items in out_of_domain]
    return runs(folder, "long_sft", seen)


def flat(*chances, items=4):
    return [[p] * items for p in chances]


def after(folder, *chances, node="long_sft_then_rl"):
    """A second stage that ends, of each seed, with one chance on every item."""
    return runs(folder, node, [(([0, 3], flat(0.5, p)), ([3], flat(p))) for p in chances])


def test_what_was_forgotten_is_the_fall_from_the_peak(tmp_path):
    long = sft(tmp_path, out_of_domain=[flat(0.6, 0.9, 0.8, 0.7), flat(0.6, 0.7, 0.8, 0.85)])
    assert healing.forgotten(long) == pytest.approx([0.2, 0.0])
    assert healing.rise_in_domain(long) == pytest.approx([0.0, 0.0])
    assert [path.peak for path in healing.paths(long)] == [1, 3]


@pytest.mark.parametrize("first", [0, 1])
def test_a_peak_of_noise_on_the_items_it_was_chosen_on_is_not_scored(tmp_path, first):
    """A snapshot that is better on the even places alone has forgotten nothing, and gained none."""
    noisy = flat(0.6, 0.7, 0.6, 0.6, items=6)
    noisy[1][1::2] = [0.6] * 3
    noisy[1][0] += first / 10
    assert healing.forgotten(sft(tmp_path, out_of_domain=[noisy])) == pytest.approx([0.0])


def test_the_regret_is_what_the_least_loss_misses_of_the_peak(tmp_path):
    """With label noise 0.1 the least loss is where the true answer has 0.9."""
    long = sft(tmp_path, inside=(0.7, 0.8, 0.9, 0.99), out_of_domain=[flat(0.6, 0.9, 0.75, 0.7)])
    assert healing.regret(long) == pytest.approx([0.15])
    assert healing.doublings_to_least_loss(long) == pytest.approx([1.0])


def test_a_course_has_a_row_a_snapshot_and_names_its_peak_and_its_least_loss(tmp_path):
    long = sft(tmp_path, out_of_domain=[flat(0.6, 0.9, 0.8, 0.7)])
    rows = list(healing.course(long))
    assert [row["step"] for row in rows] == STEPS
    assert [row["accuracy"] for row in rows] == pytest.approx([0.6, 0.9, 0.8, 0.7])
    assert [row["step"] for row in rows if row["peak"]] == [1]
    assert [row["step"] for row in rows if row["least_loss"]] == [2]
    assert healing.peak_above_start(long) == pytest.approx([0.3])


def test_what_is_restored_is_a_share_of_what_was_lost(tmp_path):
    long = sft(tmp_path, out_of_domain=[flat(0.6, 0.9, 0.8, 0.7), flat(0.6, 0.9, 0.8, 0.69)])
    rl = after(tmp_path, 0.75, 0.95)
    assert healing.restored(rl, long) == pytest.approx([0.05, 0.26])
    assert healing.beyond_peak(rl, long) == pytest.approx([-0.15, 0.05])
    assert healing.recovery(rl, long) == pytest.approx([0.05 / 0.2, 0.26 / 0.21])
    rows = list(healing.against_peak(rl, long))
    assert [row["recovery"] for row in rows] == pytest.approx(list(healing.recovery(rl, long)))


@pytest.mark.parametrize("last", [[0.7, 0.9], [0.89, 0.4], [0.9, 0.95]])
def test_no_share_is_given_of_what_may_be_nothing(tmp_path, last):
    """The interval of two seeds' losses holds zero, or one seed has lost nothing."""
    long = sft(tmp_path, out_of_domain=[flat(0.6, 0.9, 0.8, end) for end in last])
    assert healing.recovery(after(tmp_path, 0.8, 0.8), long) is None


def test_sharpening_changes_no_likelier_answer(tmp_path):
    long = sft(tmp_path, out_of_domain=[flat(0.6, 0.7, 0.7, 0.6)])
    rl = after(tmp_path, 0.99)
    assert healing.beyond_peak(rl, long)[0] > 0.2
    assert healing.judged_change(rl, long, since_peak=True) == pytest.approx([0.0])


def test_a_gain_is_counted_from_the_moment_that_rl_starts_from(tmp_path):
    """At this scale RL from the snapshot of 16 steps starts after 2 of another size."""
    long = sft(tmp_path, out_of_domain=[flat(0.5, 0.6, 0.7, 0.8)])
    early = after(tmp_path, 0.75, node="long_sft_16_then_rl")
    base = after(tmp_path, 0.75, node="long_sft_0_then_rl")
    late = after(tmp_path, 0.75)
    gains = [window.gain(rl, long) for rl in (base, early, late)]
    assert np.ravel(gains) == pytest.approx([0.25, 0.05, -0.05])
    assert window.above_both_ends(*gains) == pytest.approx([-0.2])
    assert window.best_above_both_ends([base, early, late], long) == pytest.approx([-0.2])
    assert [row["sft_step"] for row in window.starts(early, long)] == [2]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.integers(2, 10))
def test_the_entropy_of_advantages_is_that_of_drawn_groups(chances, group):
    """Against a sum over every outcome's own advantage, computed as GRPO does."""
    mass: dict[float, float] = {}
    for p in chances:
        for k in range(group + 1):
            rewards = np.array([1.0] * k + [-1.0] * (group - k))
            spread = rewards.std()
            values = (rewards - rewards.mean()) / spread if spread else np.zeros(group)
            for value in values:
                share = stats.binom.pmf(k, group, p) / group / len(chances)
                mass[round(value, 9)] = mass.get(round(value, 9), 0.0) + share
    expected = stats.entropy(list(mass.values()))
    found = window.advantage_entropy(np.array(chances), group)
    assert found == pytest.approx(expected, abs=1e-9)
    assert found <= np.log(2 * group - 1) + 1e-9


def test_accuracy_of_open_answers_is_the_share_of_samples_that_earn_the_reward():
    seen = replace(
        answering(flat(0.5, 0.5), [0, 1]), answers=None,
        sampled_rewards=np.array([[[1.0, -1, -1, -1]] * 4, [[1.0] * 4] * 4]),
    )  # fmt: skip
    assert healing.accuracies(seen)[:, 0] == pytest.approx([0.25, 1.0])
