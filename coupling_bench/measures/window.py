"""From which lengths of SFT RL gains out of domain, and what RL had to learn from there (H4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from coupling_bench.measures.healing import (
    CHOSEN_ON,
    HELD_OUT,
    OUT_OF_DOMAIN,
    SCORED_ON,
    accuracies,
    paths,
)
from coupling_bench.measures.reward import expected_reward
from coupling_bench.runs import Array, Observation, Runs, observe
from coupling_bench.specs import SnapshotSpec


def gain(rl: Runs, sft: Runs) -> Array:
    """Accuracy out of domain that RL gains over the moment of SFT that it starts from, ``(S,)``."""
    return np.array([items.mean() for items in _item_gains(rl, sft)])


def above_both_ends(early: Array, middle: Array, late: Array) -> Array:
    """How far a gain in the middle lies above the larger of those at both ends, ``(S,)``.

    The larger is chosen by its noise too, so that this is a little too small, never too large.
    """
    return middle - np.maximum(early, late)


def best_above_both_ends(arms: Sequence[Runs], sft: Runs) -> Array:
    """The same of the best start between the first and the last of several, ``(S,)``.

    It is chosen on the items in even places, and scored with both ends on those in odd ones.
    """
    of_seeds = zip(*(_item_gains(rl, sft) for rl in arms), strict=True)
    found = []
    for of_arms in of_seeds:
        chosen_on = [items[CHOSEN_ON].mean() for items in of_arms]
        scores = np.array([items[SCORED_ON].mean() for items in of_arms])
        best = scores[1 + int(np.argmax(chosen_on[1:-1]))]
        found.append(float(above_both_ends(scores[0], best, scores[-1])))
    return np.array(found)


def advantage_entropy(chances: Array, group: int) -> float:
    """Entropy of the advantage of one completion in GRPO's groups, in nats.

    Of G completions that earn the reward with chance p, k ~ Binomial(G, p) do; their advantage is
    sqrt((G - k) / k), that of the others -sqrt(k / (G - k)), and 0 where all earn the same. The
    distribution is that over prompts and groups together: at most log(2G - 1). Source: derived; the
    measure is named, second-hand, in reviews of arXiv:2509.12235.

    Args:
        chances: probability of the reward for each prompt, ``(P,)``.
        group: G, completions a prompt.

    >>> advantage_entropy(np.array([0.0, 1.0]), 8)
    0.0
    """
    from scipy.stats import binom

    mixed = np.arange(1, group)  # of k, where a group tells its completions apart
    often = binom.pmf(mixed[:, None], group, chances).mean(axis=1)
    earning, other = often * mixed / group, often * (group - mixed) / group
    masses = np.array([*earning, *other, 1.0 - often.sum()])
    present = masses[masses > 1e-15]
    return float(abs(-(present * np.log(present)).sum()))


def starts(rl: Runs, sft: Runs) -> Iterator[dict[str, Any]]:
    """Yield a row a seed: where RL started, what there was to learn, and what it gained.

    In domain, as RL's prompts are: the chance of a reward, and the entropy of the advantages in the
    groups of RL's size, from exact probabilities or, where answers are open, from as many as were
    sampled. ``gain`` is out of domain, ``reward_change`` in domain.
    """
    gains, places, begun = gain(rl, sft), _places(rl, sft), paths(sft)
    rewards = expected_reward(rl, HELD_OUT)
    group = rl.stages[0].num_generations  # type: ignore[union-attr]
    for n, (seen, place) in enumerate(zip(observe(sft, HELD_OUT), places, strict=True)):
        chances = accuracies(seen)[place]
        yield {
            "stage": rl.node,
            "seed": rl.seeds[n],
            "sft_step": int(seen.steps[place]),
            "start": float(begun[n].accuracy[place].mean()),
            "gain": float(gains[n]),
            "reward_change": float(rewards[n] - (2 * chances.mean() - 1)),
            "positive_share": float(chances.mean()),
            "advantage_entropy": advantage_entropy(chances, group),
        }


def _item_gains(rl: Runs, sft: Runs) -> list[Array]:
    """Return what RL gains out of domain over its start on each item, ``(P,)`` a seed."""
    ends = [accuracies(seen)[-1] for seen in observe(rl, OUT_OF_DOMAIN)]
    found = zip(ends, paths(sft), _places(rl, sft), strict=True)
    return [end - path.accuracy[place] for end, path, place in found]


def _places(rl: Runs, sft: Runs) -> Sequence[int]:
    """Return the place among SFT's snapshots at which RL starts, of each seed."""
    steps: list[Observation] = observe(sft, HELD_OUT)
    starts = [stage.start for stage in rl.stages]  # type: ignore[union-attr]
    return [
        int(np.flatnonzero(seen.steps == start.step)[0]) if isinstance(start, SnapshotSpec) else -1
        for seen, start in zip(steps, starts, strict=True)
    ]
