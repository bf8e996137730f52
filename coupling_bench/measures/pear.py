"""Variants of SFT before and after identical RL: scores, ranks, and how far RL drifts.

A score is the probability of earning the reward, (1 + J) / 2 at temperature 1, of rewards from -1
to 1: exact where answers are closed, else of the sampled completions. What a variant scores after
SFT is what its RL scores at step 0.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import permutations
from typing import Any, Literal

import numpy as np

from coupling_bench.measures.divergence import reverse_kl
from coupling_bench.measures.reward import item_rewards
from coupling_bench.measures.weights import cosine, distance
from coupling_bench.runs import HALVES, Array, Runs, Split, observe

Rows = list[dict[str, Any]]


def scores(runs: Runs, prompts: Split, items: slice = slice(None)) -> tuple[Array, Array]:
    """Return the scores at the start and at the end of RL, each ``(S,)``.

    Args:
        runs: RL's.
        prompts: the split.
        items: those of its items that are counted.
    """
    rewards = [item_rewards(seen)[[0, -1]][:, items] for seen in observe(runs, prompts)]
    before, after = (1.0 + np.mean(rewards, axis=2).T) / 2.0
    return before, after


def lead(
    first: Runs, second: Runs, prompts: Split, when: Literal["before", "after"] = "after"
) -> Array:
    """Return how far one RL scores above another, before or after it, ``(S,)``."""
    place = {"before": 0, "after": 1}[when]
    return scores(first, prompts)[place] - scores(second, prompts)[place]


def rank_correlation(first: Sequence[Array], second: Sequence[Array]) -> Array:
    """Kendall's tau of two scores of V variants, each ``(V, S)``; one for each seed, ``(S,)``.

    From -1 to 1, the share of pairs that are ranked alike less that of pairs ranked otherwise (tau
    b; 0 where a score does not differ). Trap: noise alone draws it to 0, so a low one says
    something only where a score ranks the variants alike on other items.
    """
    from scipy.stats import kendalltau

    pairs = zip(np.transpose(first), np.transpose(second), strict=True)
    return np.nan_to_num([kendalltau(one, other).statistic for one, other in pairs])


def reliability(every_rl: Sequence[Runs], prompts: Split) -> Array:
    """Kendall's tau between the scores after SFT on the even and the odd items, ``(S,)``."""
    even, odd = ([scores(runs, prompts, half)[0] for runs in every_rl] for half in HALVES)
    return rank_correlation(even, odd)


def inversion(before: Sequence[Array], after: Sequence[Array]) -> Array:
    """How far a pair of variants is ranked one way before and the other way after, ``(S,)``.

    min(before_A - before_B, after_B - after_A) in units of the scores: positive where A is better
    before and B after. A and B are chosen for each seed on the other seeds, by the same number, so
    that the best of many pairs is not taken for its luck. Source: derived; the claim is that of
    arXiv:2602.01058v1.

    Args:
        before: scores of V variants, ``(V, S)``.
        after: the same.

    Raises:
        ValueError: there is one seed, which leaves no other to choose on.
    """
    early, late = np.asarray(before), np.asarray(after)
    if early.shape[1] < 2:
        raise ValueError("inversion: one seed is given, needed another to choose a pair on.")
    pairs = permutations(range(len(early)), 2)
    depths = np.array([np.minimum(early[a] - early[b], late[b] - late[a]) for a, b in pairs])
    of_others = depths.sum(axis=1, keepdims=True) - depths
    return depths[of_others.argmax(axis=0), np.arange(depths.shape[1])]


def log_weight_spread(runs: Runs) -> Array:
    """Standard deviation of log-weights over the tokens of a batch, mean over steps, ``(S,)``.

    In nats; of PEAR's own weights, in its controls too. 0 where policy and demonstrators agree.
    """
    return _logged(runs, "log_weight_spread")


def mean_weight(runs: Runs) -> Array:
    """Mean of PEAR's weights over the tokens of a batch, mean over steps, ``(S,)``."""
    return _logged(runs, "weight_mean")


def score_rows(rl: Runs, prompts: Split) -> Rows:
    """Return a variant's rows of the table ``pear``: its scores after SFT and after RL, by seed."""
    before, after = scores(rl, prompts)
    return [
        {"variant": rl.node, "seed": seed, "after_sft": float(early), "after_rl": float(late)}
        for seed, early, late in zip(rl.seeds, before, after, strict=True)
    ]


def drift_rows(rl: Runs, sft: Runs, base: Runs, prompts: Split) -> Rows:
    """Return a variant's rows of the table ``pear_drift``: how far RL went from SFT, by seed.

    ``distance`` of the weights; ``kl`` = E KL(end || start) in nats/sequence, None where answers
    are open; ``cosine`` between what SFT and what RL did to the weights.
    """
    drift = {
        "distance": distance(rl, sft),
        "kl": reverse_kl(rl, sft, prompts),
        "cosine": cosine(base, sft, rl),
    }
    return [
        {
            "variant": rl.node,
            "seed": seed,
            **{name: None if of is None else float(of[i]) for name, of in drift.items()},
        }
        for i, seed in enumerate(rl.seeds)
    ]


def _logged(runs: Runs, name: str) -> Array:
    """Return the mean over the steps of what a stage's trainer has logged, ``(S,)``."""
    logs = [runs.store.get(stage).folder / "log.json" for stage in runs.stages]
    return np.array([
        np.mean([entry[name] for entry in json.loads(log.read_text()) if name in entry])
        for log in logs
    ])  # fmt: skip
