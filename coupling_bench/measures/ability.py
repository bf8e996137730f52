"""Does the policy judge sentences, or does it know the label prior alone?

A reward equal to the majority answer's is the constant predictor, so every reward is shown beside
Matthews' correlation (MCC) and the balanced accuracy, which are 0 and 1/2 for any constant answer.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from coupling_bench.answers import REWARD_RIGHT, REWARD_WIDTH
from coupling_bench.measures.reward import probability_of_truth
from coupling_bench.runs import Array, Observation, Runs, Split, observe
from coupling_bench.statistics import Interval, two_way_interval

Counts = npt.NDArray[np.float64]


def accuracy(runs: Runs, prompts: Split) -> Array:
    """Share of prompts whose likelier answer is the true one, ``(S,)``."""
    return np.array([(_guesses(o) == o.truth).mean() for o in observe(runs, prompts)])


def balanced_accuracy(runs: Runs, prompts: Split) -> Array:
    """Mean over the truths that occur of the share judged right, ``(S,)``.

    1/2 for a constant answer where both truths occur.
    """
    return np.array(
        [
            np.mean([(_guesses(o) == o.truth)[o.truth == t].mean() for t in np.unique(o.truth)])
            for o in observe(runs, prompts)
        ]
    )


def by_group(runs: Runs, prompts: Split) -> dict[str, dict[str, float]]:
    """Accuracy and mean probability of the true answer for each kind of sentence, over all seeds.

    The probability is pi(y, end|x) of the true answer, exact: what RL can still find where the
    accuracy is low. Groups are phenomena (grammar) or sources (CoLA).
    """
    observations = observe(runs, prompts)
    groups = np.array(observations[0].groups)
    right = np.mean([_guesses(o) == o.truth for o in observations], axis=0)
    probability = np.mean([probability_of_truth(o)[-1] for o in observations], axis=0)
    return {
        str(group): {
            "items": int((groups == group).sum()),
            "accuracy": float(right[groups == group].mean()),
            "probability": float(probability[groups == group].mean()),
        }
        for group in np.unique(groups)
    }


def mcc(runs: Runs, prompts: Split) -> Array:
    """Matthews' correlation of the likelier answer with the truth, ``(S,)``, in [-1, 1].

    A constant answer has no correlation: 0.
    """
    return np.array([float(matthews(_confusion(o))) for o in observe(runs, prompts)])


def mcc_interval(runs: Runs, prompts: Split, alpha: float = 0.05) -> Interval:
    """MCC, averaged over seeds, with an interval over seeds and items.

    The seeds share their items, so agreement between seeds is no evidence by itself: the variance
    over seeds and the jackknife variance over items add (``statistics.two_way_interval``).
    """
    observations = observe(runs, prompts)
    values = mcc(runs, prompts)
    left_out = np.mean([_leave_one_out(o) for o in observations], axis=0)
    items = len(left_out)
    item_variance = (items - 1) / items * float(((left_out - left_out.mean()) ** 2).sum())
    seeds = len(values)
    seed_error = float(values.std(ddof=1)) / math.sqrt(seeds) if seeds > 1 else 0.0
    return two_way_interval(
        float(values.mean()), seed_error, seeds, math.sqrt(item_variance), items, alpha
    )


def majority_reward(observation: Observation) -> float:
    """Expected reward of the best constant answer on these items."""
    share = max(float((observation.truth == answer).mean()) for answer in (0, 1))
    return REWARD_RIGHT - REWARD_WIDTH * (1.0 - share)


def matthews(confusion: Counts) -> Counts:
    """MCC from confusion counts ``(..., truth 2, guess 2)``, shape ``(...)``; 0 where undefined.

    (n00 n11 - n01 n10) / sqrt(product of the four margins). Source: B. W. Matthews, 1975.

    >>> matthews(np.array([[5.0, 0.0], [0.0, 5.0]]))
    array(1.)
    """
    product = confusion[..., 0, 0] * confusion[..., 1, 1]
    cross = confusion[..., 0, 1] * confusion[..., 1, 0]
    margins = confusion.sum(axis=-1).prod(axis=-1) * confusion.sum(axis=-2).prod(axis=-1)
    return np.where(margins > 0, (product - cross) / np.sqrt(np.maximum(margins, 1.0)), 0.0)


def _guesses(observation: Observation) -> npt.NDArray[np.int64]:
    return observation.answer_logps[-1].argmax(axis=-1)


def _cells(observation: Observation) -> Counts:
    """Return ``(P, 2, 2)``: each item's own confusion matrix, a single one in its cell."""
    cells = np.zeros((len(observation.truth), 2, 2))
    cells[np.arange(len(observation.truth)), observation.truth, _guesses(observation)] = 1.0
    return cells


def _confusion(observation: Observation) -> Counts:
    return _cells(observation).sum(axis=0)


def _leave_one_out(observation: Observation) -> Counts:
    """Return ``(P,)``: the MCC without each item in turn."""
    cells = _cells(observation)
    return matthews(cells.sum(axis=0) - cells)
