"""From what was observed to policies on finite answer sets, which ``theory`` is about.

Where answers are a closed set, a policy is their probabilities, and that of anything else as one
more outcome. Lumping what is no answer together leaves out how policies differ there: divergences
are lower bounds, sharp where ``reward.other_mass`` is near zero; losses and rewards are exact.
"""

from __future__ import annotations

import numpy as np

from coupling_bench.runs import Array, Observation

ROUNDING = 1e-6
"""Probabilities of answers, added up, are known to about so much: they were computed in fp32. So
every policy is taken to leave this much to anything else, and no divergence is infinite there."""


def outcomes(observation: Observation, snapshot: int | slice = -1) -> Array:
    """Return a snapshot's probabilities of each answer and of anything else, ``(P, A + 1)``.

    Each row sums to one. A slice of the snapshots gives ``(N, P, A + 1)``.

    Raises:
        ValueError: answers are open, and have no list of probabilities.
    """
    if not observation.closed:
        raise ValueError(
            "policies: the answers of this task are open, needed a closed set. Give the task its "
            "answers (answers = [...] in task.toml), or estimate divergences from samples: "
            "coupling-bench measure"
        )
    return listed_outcomes(observation, snapshot)


def listed_outcomes(observation: Observation, snapshot: int | slice = -1) -> Array:
    """Return a snapshot's probabilities of each response observed and of all else, ``(P, A + 1)``.

    As ``outcomes``, where answers are open too: there the responses are those of the demonstrators
    whose probabilities were observed, and all else may be most of what a policy says.
    """
    answers = np.exp(observation.answer_logps[snapshot])
    rest = np.maximum(1.0 - answers.sum(axis=-1, keepdims=True), ROUNDING)
    every = np.concatenate([answers, rest], axis=-1)
    return every / every.sum(axis=-1, keepdims=True)


def outcome_rewards(observation: Observation) -> Array:
    """Return the verifier's reward of each answer and of anything else, ``(P, A + 1)``."""
    other = np.broadcast_to(observation.other_reward, (len(observation.rewards), 1))
    return np.concatenate([observation.rewards, other], axis=1)


def demonstrators(observation: Observation) -> Array:
    """Return p_D over the outcomes, ``(P, A + 1)``: nothing but answers is demonstrated.

    On real data the answer that was demonstrated, with certainty.
    """
    return np.pad(observation.demonstrated, ((0, 0), (0, 1)))
