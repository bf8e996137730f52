"""Observations as policies on a finite answer set: what the functions of ``theory`` are told.

Y = A + 1 outcomes of a prompt: each of the closed set of answers with its end of sequence, and
anything else as one, which earns one reward.
"""

from __future__ import annotations

import numpy as np

from coupling_bench.runs import Array, Observation


def policies(observation: Observation) -> Array:
    """Probabilities of the outcomes under every snapshot at temperature 1, ``(N, P, Y)``."""
    answers = np.exp(observation.answer_logps)
    rest = np.clip(1.0 - answers.sum(axis=2, keepdims=True), 0.0, None)
    outcomes = np.concatenate([answers, rest], axis=2)
    return outcomes / outcomes.sum(axis=2, keepdims=True)  # fp32 leaves 1e-7


def rewards(observation: Observation) -> Array:
    """What the verifier gives to the outcomes, in reward units, ``(P, Y)``."""
    rest = np.full((len(observation.rewards), 1), float(observation.other_reward))
    return np.concatenate([observation.rewards, rest], axis=1)


def demonstrators(observation: Observation, label_noise: float) -> Array:
    """p_D of annotators who flip the truth at a rate, over the outcomes, ``(P, Y)``.

    Whichever annotators the observed policy was trained on: one policy can be held against several.
    """
    answers = observation.answer_logps.shape[2]
    true = np.arange(answers + 1) == observation.truth[:, None]
    given = np.where(true, 1.0 - label_noise, label_noise / (answers - 1))
    given[:, -1] = 0.0
    return given
