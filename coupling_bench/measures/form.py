"""What of a loss is the label and what the words that it is said in; and rewards of either.

Where a closed set of answers says each label in two forms (``tasks.forms``), the chain rule splits
the loss: -log pi(y) = -log pi(label of y) - log pi(y | label of y), with pi(label) the sum over its
forms. Where it has one form, the second part is 0. Both parts take pi over the closed set with what
is left for anything else, so they add up to the SFT loss exactly.
"""

from __future__ import annotations

import numpy as np

from coupling_bench.measures.loss import cross_entropy
from coupling_bench.runs import Array, Observation, Runs, Split, observe


def label_logps(observation: Observation) -> Array:
    """Log-probability of each label in any of its forms, in nats, every snapshot, ``(N, P, L)``.

    log sum_y pi(y, end|x) over the answers y that mean the label.
    """
    return over_forms(observation.answer_logps, observation.labels)


def over_forms(answer_logps: Array, labels: list[int] | None) -> Array:
    """Return log-probabilities of labels, ``(..., L)``, from those of answers, ``(..., A)``.

    >>> np.exp(over_forms(np.log([0.5, 0.125, 0.25, 0.125]), [0, 1, 0, 1])).round(6)
    array([0.75, 0.25])
    """
    if labels is None:
        return answer_logps
    meant = np.array(labels)
    return np.stack(
        [
            np.logaddexp.reduce(answer_logps[..., meant == label], axis=-1)
            for label in range(meant.max() + 1)
        ],
        axis=-1,
    )


def label_loss_curve(observation: Observation) -> Array:
    """Label part of the SFT loss, every snapshot, in nats per sequence, ``(N,)``.

    mean_x sum_y p_D(y|x) * -log pi(label of y | x). Its least value is the entropy of the
    demonstrators' labels. Source: derived, the chain rule.
    """
    logps = label_logps(observation)
    return cross_entropy(_of_answers(logps, observation), observation.demonstrated)


def form_loss_curve(observation: Observation) -> Array:
    """Form part of the SFT loss, every snapshot, in nats per sequence, ``(N,)``.

    mean_x sum_y p_D(y|x) * -log pi(y | label of y, x). Its least value is the entropy of the
    demonstrators' forms. Source: derived, the chain rule.
    """
    given_label = observation.answer_logps - _of_answers(label_logps(observation), observation)
    return cross_entropy(given_label, observation.demonstrated)


def robust_reward_curve(observation: Observation) -> Array:
    """Expected reward where a label counts in either form, every snapshot, reward units, ``(N,)``.

    mean_x sum_y pi(y, end|x) r(x, rewarded form of the label of y), exact. The strict reward, which
    RL is trained on, is ``reward.reward_curve``. Source: the two parsers of arXiv:2601.07389v1,
    section 5; robust parsing of whole outputs is ``reward.mean_at_1``.
    """
    probabilities = np.exp(label_logps(observation))
    of_labels = observation.rewards[:, : probabilities.shape[-1]]
    rest = 1.0 - probabilities.sum(axis=2)
    return ((probabilities * of_labels).sum(axis=2) + rest * observation.other_reward).mean(axis=1)


def label_loss(runs: Runs, demonstrations: Split) -> Array:
    """Label part of the SFT loss of the final checkpoints, in nats per sequence, ``(S,)``."""
    return np.array([label_loss_curve(o)[-1] for o in observe(runs, demonstrations)])


def form_loss(runs: Runs, demonstrations: Split) -> Array:
    """Form part of the SFT loss of the final checkpoints, in nats per sequence, ``(S,)``."""
    return np.array([form_loss_curve(o)[-1] for o in observe(runs, demonstrations)])


def _of_answers(of_labels: Array, observation: Observation) -> Array:
    """Return each answer's value of its label, ``(..., L)`` to ``(..., A)``."""
    return of_labels if observation.labels is None else of_labels[..., observation.labels]
