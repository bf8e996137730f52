"""What the tables of the controls hold: an effect beside what else makes one, one row a seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from coupling_bench.measures.divergence import reverse_kl
from coupling_bench.measures.loss import sft_loss
from coupling_bench.measures.reward import expected_reward
from coupling_bench.measures.weights import distance
from coupling_bench.runs import Array, Runs, Split, observe

Rows = list[dict[str, Any]]


def beside_rl(stage: Runs, start: Runs, rl: Runs, held_out: Split) -> Rows:
    """Return the rows of a stage in the table ``controls``: what it does to where RL begins too.

    ``loss_change`` and ``reward_change`` from the start, in nats/sequence and reward; ``distance``
    of the weights from the start's; ``kl`` = E KL(start || stage) in nats/sequence, None where
    answers are open; ``excess_loss`` = RL's change of the loss minus the stage's, in nats/sequence.

    Args:
        stage: a control, or RL itself.
        start: what it and RL begin with.
        rl: RL from there.
        held_out: the prompts.
    """
    columns = {
        "loss_change": sft_loss(stage, held_out) - sft_loss(start, held_out),
        "reward_change": expected_reward(stage, held_out) - expected_reward(start, held_out),
        "distance": distance(stage, start),
        "kl": reverse_kl(start, stage, held_out),
        "excess_loss": sft_loss(rl, held_out) - sft_loss(stage, held_out),
    }
    return [
        {
            "control": stage.node,
            "seed": seed,
            **{c: None if values is None else float(values[i]) for c, values in columns.items()},
        }
        for i, seed in enumerate(stage.seeds)
    ]


def by_prior(effect: str, whole: Array, prior_part: Array, seeds: tuple[int, ...]) -> Rows:
    """Return the rows of an effect in the table ``prior``: whole, prior alone, and the rest.

    Trap: ``prior_part`` is the effect on other policies, which know the label prior alone. Where it
    is larger than the whole, ``rest`` has the other sign, and nothing is explained by the prior.
    ``divergence.frequency_shift`` is the part of the whole itself.

    Args:
        effect: ``loss`` or ``reward``.
        whole: the effect ``(S,)``.
        prior_part: the same effect of stages that can learn the label prior alone, ``(S,)``.
        seeds: of both.
    """
    return [
        {
            "effect": effect,
            "seed": seed,
            "whole": float(whole[i]),
            "prior_part": float(prior_part[i]),
            "rest": float(whole[i] - prior_part[i]),
        }
        for i, seed in enumerate(seeds)
    ]


def greatest_change(stage: Runs, start: Runs, held_out: Split) -> Array:
    """Return the largest change of any answer's log-probability, in nats, ``(S,)``.

    max over prompts and answers of |log pi(y, end|x) - log pi_start(y, end|x)|, last snapshots.
    """
    pairs = zip(observe(stage, held_out), observe(start, held_out), strict=True)
    return np.array([np.abs(a.answer_logps[-1] - b.answer_logps[-1]).max() for a, b in pairs])
