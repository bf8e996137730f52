"""Does the policy judge its prompts, or does it know the label prior alone?

All of this needs a closed set of answers. A label that may be said in two forms is judged in
either: guesses are of labels.

A reward equal to the majority answer's is the constant predictor, so every reward is shown beside
Matthews' correlation (MCC) and the balanced accuracy, which are 0 and 1/A for any constant answer.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from coupling_bench.measures.form import label_logps
from coupling_bench.measures.reward import probability_of_truth
from coupling_bench.runs import Array, Observation, Runs, Split, observe
from coupling_bench.statistics import Interval, two_way_interval

Counts = npt.NDArray[np.float64]


def accuracy(runs: Runs, prompts: Split) -> Array:
    """Share of prompts whose likelier answer is the true one, ``(S,)``."""
    return np.array([hits(o).mean() for o in observe(runs, prompts)])


def balanced_accuracy(runs: Runs, prompts: Split) -> Array:
    """Mean over the truths that occur of the share judged right, ``(S,)``.

    For a constant answer 1 over the number of truths that occur.
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


def hits(observation: Observation) -> npt.NDArray[np.bool_]:
    """Whether the likelier answer to each item is the true one, ``(P,)``."""
    return _guesses(observation) == observation.truth


def hits_curve(observation: Observation) -> npt.NDArray[np.bool_]:
    """The same of every snapshot, ``(N, P)``."""
    return label_logps(observation).argmax(axis=-1) == observation.truth


def mcc_pseudovalues(observation: Observation) -> Array:
    """What each item adds to the MCC, ``(P,)``: the jackknife's P * all - (P - 1) * all but one.

    Their mean is the MCC less its bias of first order, their standard error is the jackknife's.
    Source: J. W. Tukey, 1958.
    """
    items = len(observation.truth)
    whole = matthews(_confusion(observation))
    return items * whole - (items - 1) * _leave_one_out(observation)


def constant_answer(observation: Observation) -> int:
    """Index of the constant answer that earns the most on these items."""
    return int(observation.rewards.mean(axis=0).argmax())


def majority_reward(observation: Observation) -> float:
    """Expected reward of the best constant answer on these items."""
    return float(observation.rewards.mean(axis=0).max())


def matthews(confusion: Counts) -> Counts:
    """MCC from confusion counts ``(..., truth A, guess A)``, shape ``(...)``; 0 where undefined.

    (right * all - sum_k t_k g_k) / sqrt((all^2 - sum_k g_k^2) (all^2 - sum_k t_k^2)), with t_k and
    g_k the margins; for two answers Matthews' own. Source: B. W. Matthews, 1975; J. Gorodkin, 2004.

    >>> matthews(np.array([[5.0, 0.0], [0.0, 5.0]]))
    array(1.)
    """
    truths, guesses = confusion.sum(axis=-1), confusion.sum(axis=-2)
    everything = truths.sum(axis=-1)
    right = np.trace(confusion, axis1=-2, axis2=-1)
    covariance = right * everything - (truths * guesses).sum(axis=-1)
    spreads = (everything**2 - (guesses**2).sum(axis=-1)) * (
        everything**2 - (truths**2).sum(axis=-1)
    )
    return np.where(spreads > 0, covariance / np.sqrt(np.maximum(spreads, 1.0)), 0.0)


def _guesses(observation: Observation) -> npt.NDArray[np.int64]:
    return label_logps(observation)[-1].argmax(axis=-1)


def _cells(observation: Observation) -> Counts:
    """Return ``(P, L, L)``: each item's own confusion matrix, a single one in its cell."""
    many = label_logps(observation).shape[-1]
    cells = np.zeros((len(observation.truth), many, many))
    cells[np.arange(len(observation.truth)), observation.truth, _guesses(observation)] = 1.0
    return cells


def _confusion(observation: Observation) -> Counts:
    return _cells(observation).sum(axis=0)


def _leave_one_out(observation: Observation) -> Counts:
    """Return ``(P,)``: the MCC without each item in turn."""
    cells = _cells(observation)
    return matthews(cells.sum(axis=0) - cells)
