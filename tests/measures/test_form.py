"""The loss and the reward of labels that are said in two forms, against enumeration."""

import dataclasses

import numpy as np
import pytest

from coupling_bench.measures import ability, form, loss, reward
from coupling_bench.measures.demonstrators import demonstrators, loss_of_answers_of
from coupling_bench.runs import Split
from coupling_bench.store import Store
from tests.observations import observation, random_observation, store_runs
from tests.tiny import recipe

HELD_OUT = Split(name="held_out")
WORDS = ["acceptable", "unacceptable", "good", "bad"]


def in_two_forms(seed, items=20, snapshots=3, noise=0.2, share=0.7):
    """A random policy over two labels in two forms, which keeps some mass for anything else."""
    generator = np.random.default_rng(seed)
    p = generator.dirichlet([2.0, 1.0, 2.0, 1.0, 0.3], size=(snapshots, items))
    truth = generator.integers(0, 2, items)
    labels = np.where(np.arange(2) == truth[:, None], 1 - noise, noise)
    return observation(
        np.log(p[..., :4]),
        truth,
        answers=WORDS,
        labels=[0, 1, 0, 1],
        demonstrated=np.concatenate([(1 - share) * labels, share * labels], axis=1),
        rewards=np.where(np.arange(4) == truth[:, None], 1.0, -1.0),
        answer_tokens=np.full((items, 4), 2),
    )


@pytest.mark.parametrize("seed", range(5))
def test_label_and_form_part_add_up_to_the_loss_and_are_those_of_enumeration(seed):
    seen = in_two_forms(seed)
    whole = loss.loss_curve(seen)
    parts = form.label_loss_curve(seen), form.form_loss_curve(seen)
    np.testing.assert_allclose(parts[0] + parts[1], whole, rtol=1e-12)
    by_hand = np.zeros(len(seen.steps))
    for item in range(len(seen.truth)):
        for answer in range(4):
            same = [other for other in range(4) if other % 2 == answer % 2]
            of_label = np.exp(seen.answer_logps[:, item, same]).sum(axis=1)
            by_hand -= seen.demonstrated[item, answer] * np.log(of_label) / len(seen.truth)
    np.testing.assert_allclose(parts[0], by_hand)
    assert (parts[1] > 0).all()


def test_the_robust_reward_counts_a_label_in_either_form_and_the_strict_one_does_not():
    seen = in_two_forms(0)
    p = np.exp(seen.answer_logps)
    right = np.take_along_axis(p[..., :2] + p[..., 2:], seen.truth[None, :, None], axis=2)
    np.testing.assert_allclose(form.robust_reward_curve(seen), (2 * right - 1).mean(axis=(1, 2)))
    strict = np.take_along_axis(p, seen.truth[None, :, None], axis=2)
    np.testing.assert_allclose(reward.reward_curve(seen), (2 * strict - 1).mean(axis=(1, 2)))


def test_a_policy_in_other_words_is_judged_by_what_it_means():
    """Accuracy, MCC and robust parsing are those of the same policy in the rewarded words."""
    plain = random_observation(3)
    p = np.exp(plain.answer_logps)
    other = dataclasses.replace(
        plain,
        answer_logps=np.log(np.concatenate([0.1 * p, 0.9 * p], axis=2)),
        rewards=np.concatenate([plain.rewards, np.full_like(plain.rewards, -1.0)], axis=1),
        answers=WORDS,
        labels=[0, 1, 0, 1],
    )
    assert (ability.hits(other) == ability.hits(plain)).all()
    np.testing.assert_allclose(ability.mcc_pseudovalues(other), ability.mcc_pseudovalues(plain))
    said = [["good" if text == "acceptable" else "bad" for text in texts] for texts in
            plain.completions]  # fmt: skip
    spoken = dataclasses.replace(other, completions=said)
    np.testing.assert_array_equal(reward.mean_at_1_curve(spoken), reward.mean_at_1_curve(plain))


def test_where_a_label_has_one_form_there_is_no_form_part():
    seen = random_observation(0)
    np.testing.assert_array_equal(form.label_logps(seen), seen.answer_logps)
    np.testing.assert_allclose(form.form_loss_curve(seen), 0, atol=1e-15)
    np.testing.assert_allclose(form.robust_reward_curve(seen), reward.reward_curve(seen))


def test_changes_go_from_a_stages_own_start_to_its_end(tmp_path):
    per_seed = [in_two_forms(0), in_two_forms(1)]
    runs = store_runs(Store(tmp_path), per_seed, "rl_then_sft_in_other_words")
    found = form.change(form.form_loss_curve, runs, HELD_OUT)
    ends = [form.formats(runs, HELD_OUT, start=start) for start in ("rl", None)]
    assert [row["node"] for row in (*ends[0], *ends[1])] == ["rl"] * 2 + [runs.node] * 2
    for seed, (before, after) in enumerate(zip(*ends, strict=True)):
        assert found[seed] == pytest.approx(after["form_part"] - before["form_part"])
        assert after["loss"] == pytest.approx(after["label_part"] + after["form_part"])


def test_the_sign_that_is_predicted_is_that_of_what_the_demonstrators_earn(tmp_path):
    """Gold, worse, and the policy itself, whose loss on its own answers has grown by its KL."""
    tiny, store = recipe(), Store(tmp_path)
    half = observation(np.log([[[0.75, 0.2]]]), [0], label_noise=0.5)
    better = observation(np.log([[[0.9, 0.05]]]), [0], label_noise=0.5)
    gold = dataclasses.replace(better, demonstrated=np.array([[1.0, 0.0]]))
    rl = store_runs(store, [half], "rl", tiny.rl)

    def row(arm, before, after, teacher=None):
        return demonstrators(arm, before, after, HELD_OUT, teacher)[0]

    def sft(seen, **changes):
        stage = dataclasses.replace(tiny.sft, **changes)
        return store_runs(store, [seen], "rl_then_sft", stage)

    worse = row("worse", rl, sft(better))
    assert (worse["pipeline"], worse["demonstrator_reward"]) == ("rl_then_sft", 0.0)
    assert worse["predicted_sign"] == -1
    assert row("gold", rl, sft(gold, num_train_epochs=3))["predicted_sign"] == 1
    taught = sft(better, demonstrator="start")
    own = row("equal", rl, taught, teacher=rl)
    assert own["predicted_sign"] == 0
    p, q = np.array([0.75, 0.2]) / 0.95, np.array([0.9, 0.05])
    assert own["epsilon"] == pytest.approx((p * np.log(p / q)).sum())
    assert own["demonstrator_reward"] == pytest.approx(p[0] - p[1])
    assert own["loss_change"] == pytest.approx((p * np.log([0.75 / 0.9, 0.2 / 0.05])).sum())
    assert loss_of_answers_of(rl, taught, HELD_OUT) == pytest.approx(-(p * np.log(q)).sum())
    further = store_runs(store, [half], "further", dataclasses.replace(tiny.rl, seed=8))
    back = row("equal", taught, further, teacher=rl)
    assert (back["pipeline"], back["predicted_sign"]) == ("sft_then_rl", 1)
    assert back["loss_change"] == pytest.approx(-own["loss_change"])
    first = store_runs(store, [gold], "sft", dataclasses.replace(tiny.sft, num_train_epochs=4))
    last = store_runs(store, [gold], "sft_then_rl", dataclasses.replace(tiny.rl, seed=9))
    assert row("gold", first, last)["predicted_sign"] == -1
    assert row("gold", first, last)["pipeline"] == "sft_then_rl"
