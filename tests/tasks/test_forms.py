"""Answers in other words: what demonstrators say, in which form, and what of it is rewarded."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from coupling_bench import scales, tasks
from coupling_bench.measures.loss import optimal_loss
from coupling_bench.stages.pretrain import documents
from coupling_bench.tasks.forms import labels_of_answers
from tests.tiny import recipe

TWO = replace(
    scales.task("grammar", "smoke"), pretraining_size=400, prompts_size=1500, label_noise=0.2
)
FOUR = replace(TWO, answers=(*TWO.answers, "good", "bad"), other_words_share=0.7)


def test_demonstrators_choose_label_and_form_independently():
    """p_D is a distribution, and its marginals are the label noise and the share of other words."""
    task = tasks.load(FOUR)
    p = task.demonstrated("held_out")
    truth = np.array([item.truth for item in task.splits["held_out"]])
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(p[:, 2:].sum(axis=1), 0.7)
    labels = p[:, :2] + p[:, 2:]
    np.testing.assert_allclose(labels[np.arange(len(truth)), truth], 0.8)
    np.testing.assert_allclose(p[:, :2] * 0.7, p[:, 2:] * 0.3)


def test_the_smallest_loss_is_the_entropy_of_the_demonstrators():
    for spec in (TWO, FOUR, replace(FOUR, label_noise=0.0), replace(FOUR, other_words_share=1.0)):
        p = tasks.load(spec).demonstrated("held_out")
        entropy = -np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0)), 0.0).sum(axis=1).mean()
        assert optimal_loss(spec) == pytest.approx(entropy)


def test_demonstrations_are_drawn_from_the_demonstrators_distribution():
    """And the same annotators err on the same sentences, whichever words they use."""
    task = tasks.load(FOUR)
    drawn, p = task.demonstrations("sft", 0), task.demonstrated("sft")
    expected = p.sum(axis=0)
    counts = Counter(drawn)
    assert stats.chisquare([counts[a] for a in range(4)], expected).pvalue > 0.01
    assert [answer % 2 for answer in drawn] == tasks.load(TWO).demonstrations("sft", 0)
    assert drawn != task.demonstrations("sft", 1)


def test_the_verifier_rewards_the_first_form_of_the_truth_alone():
    task = tasks.load(FOUR)
    for item in task.splits["held_out"][:20]:
        rewards = task.rewards([item] * 4, task.candidates(item))
        assert [answer for answer, reward in enumerate(rewards) if reward == 1.0] == [item.truth]
    assert labels_of_answers(FOUR) == [0, 1, 0, 1]
    assert labels_of_answers(TWO) is None


def test_the_annotator_of_pretraining_never_uses_other_words():
    tiny = recipe()
    task = replace(tiny.task, answers=(*tiny.task.answers, "good", "bad"), other_words_share=0.7)
    assert documents(replace(tiny.base, task=task)) == documents(tiny.base)


@pytest.mark.parametrize(
    "change",
    [
        {"other_words_share": 0.5},
        {"answers": ("acceptable", "unacceptable", "bad")},
        {"answers": FOUR.answers, "other_words_share": 1.5},
        {"answers": FOUR.answers, "other_words_share": math.nan},
    ],
)
def test_answers_and_shares_that_do_not_fit_are_refused(change):
    with pytest.raises(ValueError, match="needed two answers, or four"):
        tasks.load(replace(TWO, **change))
