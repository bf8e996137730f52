"""Measures item by item: what intervals over items are made of.

A measure that is a mean over prompts is taken of each prompt alone, by its own function. With one
checkpoint the items are the only sample there is; their spread says nothing about another seed's
training.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from coupling_bench.measures import loss, reward
from coupling_bench.runs import Array, Observation


def sft_losses(observation: Observation) -> Array:
    """SFT loss of the last snapshot on each item, in nats per sequence, ``(P,)``."""
    return _each(observation, lambda one: loss.loss_curve(one)[-1])


def expected_rewards(observation: Observation) -> Array:
    """Expected reward of the last snapshot on each item at temperature 1, reward units, ``(P,)``.

    Exact over a closed set of answers. Where answers are open the mean of G samples: their noise
    is part of the spread over items.
    """
    return _each(observation, lambda one: reward.reward_curve(one)[-1])


def means_at_1(observation: Observation, parser: str) -> Array:
    """Reward of the one completion sampled for each item by the paper's protocol, ``(P,)``."""
    return _each(observation, lambda one: reward.mean_at_1_curve(one, parser)[-1])


def _each(observation: Observation, measure: Callable[[Observation], float]) -> Array:
    return np.array([measure(one) for one in _alone(observation)], dtype=float)


def _alone(observation: Observation) -> Iterator[Observation]:
    """Yield an observation of each item alone."""
    for place in range(len(observation.prompts)):
        one = slice(place, place + 1)
        first = {
            name: getattr(observation, name)[one]
            for name in (
                "answer_tokens", "truth", "demonstrated", "rewards", "prompts", "groups",
                "responses",
            )
        }  # fmt: skip
        second = {
            name: getattr(observation, name)[:, one]
            for name in (
                "answer_logps", "tempered_answer_logps", "sampled_rewards", "completion_rewards",
            )
        }  # fmt: skip
        said = [texts[one] for texts in observation.completions]
        yield dataclasses.replace(observation, **first, **second, completions=said)
