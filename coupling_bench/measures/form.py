"""What of a loss is the label and what the words that it is said in; and rewards of either.

Where a closed set of answers says each label in two forms (``tasks.forms``), the chain rule splits
the loss: -log pi(y) = -log pi(label of y) - log pi(y | label of y), with pi(label) the sum over its
forms. Both parts add up to the SFT loss exactly; where a label has one form the second is 0. What
the policy leaves to no answer at all is missing from its labels, and so counts with the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from coupling_bench.measures.loss import cross_entropy, loss_curve
from coupling_bench.measures.reward import reward_curve
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


def robust_reward(runs: Runs, prompts: Split) -> Array:
    """Robust reward of the final checkpoints, in reward units, ``(S,)``."""
    return np.array([robust_reward_curve(seen)[-1] for seen in observe(runs, prompts)])


def change(curve: Callable[[Observation], Array], runs: Runs, split: Split) -> Array:
    """Change of a curve from a stage's start to its end, in the curve's unit, ``(S,)``.

    The start is the stage's own first snapshot: its parent was observed with the answers of its own
    task, which may have one form alone.
    """
    curves = [curve(seen) for seen in observe(runs, split)]
    return np.array([one[-1] - one[0] for one in curves])


def formats(runs: Runs, split: Split, *, start: str | None = None) -> list[dict[str, Any]]:
    """Return a row a seed: the loss with its parts, and the strict and the robust reward.

    Args:
        runs: of a stage whose task has other words.
        split: the items.
        start: name of the node that the stage starts from, to have the rows of its start instead.
    """
    curves = {
        "loss": loss_curve,
        "label_part": label_loss_curve,
        "form_part": form_loss_curve,
        "strict_reward": reward_curve,
        "robust_reward": robust_reward_curve,
    }
    return [
        {
            "node": start or runs.node,
            "seed": seed,
            **{name: float(curve(seen)[0 if start else -1]) for name, curve in curves.items()},
        }
        for seed, seen in zip(runs.seeds, observe(runs, split), strict=True)
    ]


def _of_answers(of_labels: Array, observation: Observation) -> Array:
    """Return each answer's value of its label, ``(..., L)`` to ``(..., A)``."""
    return of_labels if observation.labels is None else of_labels[..., observation.labels]
