"""Where RL with a KL penalty ends: the tilted optimum of Eq. 8, of checkpoints, without sampling.

The optimum is p*(y|x) = p_SFT(y|x) e^{r(x,y)/beta} / Z_beta(x), over a closed set of answers with
anything else as one outcome. ``rl`` is a node of RL, ``start`` the node that it started from and is
held to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from coupling_bench.measures import loss, reward
from coupling_bench.measures.policies import demonstrators, outcome_rewards, outcomes
from coupling_bench.runs import Array, Observation, Runs, Split, observe
from coupling_bench.specs import GRPOSpec
from coupling_bench.theory.policies import expected, kl
from coupling_bench.theory.tilting import loss_change, tilt


def group_beta(stage: GRPOSpec) -> float:
    """Return the beta whose optimum GRPO goes to, in reward units a nat: beta G / (G - 1).

    The mean that a group of G subtracts from a reward holds that reward itself, so the expected
    gradient of the reward is (G - 1) / G of J's, while the penalty's is whole. Rewards must not be
    divided by their spread. Trap: TRL's penalty leaves out what a token does to the divergence of
    later ones, so it is whole where an answer's first token decides it, as of the shipped tasks;
    where later tokens are open too, GRPO goes elsewhere. Source: derived.

    Raises:
        ValueError: there is no penalty, and so no optimum.
    """
    if stage.beta <= 0.0:
        raise ValueError(f"group_beta: beta is {stage.beta}, needed a penalty: beta above 0.")
    return stage.beta * stage.num_generations / (stage.num_generations - 1)


def kl_to_tilted(rl: Runs, start: Runs, prompts: Split) -> Array:
    """E KL(p_RL || p*) of the final checkpoints, in nats per sequence, ``(S,)``; 0 at the optimum.

    Trap: where p* hardly ever errs, a small divergence still leaves the loss open: to first order
    it moves the loss by up to sqrt(2 chi^2(p_D || p*) KL).
    """
    return np.array(
        [
            float(kl(outcomes(after), _tilted(before, beta)))
            for after, before, beta in _pairs(rl, start, prompts)
        ]
    )


def predicted_loss_change(rl: Runs, start: Runs, demonstrations: Split) -> Array:
    """Change of the SFT loss that Eq. 8 predicts, in nats per sequence, ``(S,)``.

    E log Z_beta - J_D / beta at the group's beta. Source: derived from Eq. 8 of
    arXiv:2601.07389v1; where the start is p_D it is Eq. 11.
    """
    return np.array(
        [
            float(
                loss_change(outcomes(before), demonstrators(before), outcome_rewards(before), beta)
            )
            for _, before, beta in _pairs(rl, start, demonstrations)
        ]
    )


def relative_loss_change(rl: Runs, start: Runs, demonstrations: Split) -> Array:
    """Change of the SFT loss as a share of what Eq. 8 predicts, without unit, ``(S,)``."""
    measured = loss.sft_loss(rl, demonstrations) - loss.sft_loss(start, demonstrations)
    return measured / predicted_loss_change(rl, start, demonstrations)


def tilted_reward(rl: Runs, start: Runs, prompts: Split) -> Array:
    """Expected reward of the tilted optimum at the group's beta, in reward units, ``(S,)``."""
    return np.array(
        [
            float(expected(_tilted(before, beta), outcome_rewards(before)))
            for _, before, beta in _pairs(rl, start, prompts)
        ]
    )


def fixed_points(rl: Runs, start: Runs, demonstrations: Split) -> list[dict[str, Any]]:
    """Return one row a seed: how far RL is from the optimum, and what the loss has done."""
    columns = {
        "kl_to_tilted": kl_to_tilted(rl, start, demonstrations),
        "loss_change": loss.sft_loss(rl, demonstrations) - loss.sft_loss(start, demonstrations),
        "predicted": predicted_loss_change(rl, start, demonstrations),
        "reward": reward.expected_reward(rl, demonstrations),
        "tilted_reward": tilted_reward(rl, start, demonstrations),
    }
    return [
        {
            "node": rl.node,
            "scale_rewards": stage.scale_rewards,
            "beta": stage.beta,
            "group_beta": group_beta(stage),
            "seed": seed,
            **{name: float(values[place]) for name, values in columns.items()},
        }
        for place, (seed, stage) in enumerate(zip(rl.seeds, _grpo(rl), strict=True))
    ]


def _pairs(rl: Runs, start: Runs, split: Split) -> Iterator[tuple[Observation, Observation, float]]:
    """Yield (after, before, the group's beta) of each seed."""
    betas = [group_beta(stage) for stage in _grpo(rl)]
    yield from zip(observe(rl, split), observe(start, split), betas, strict=True)


def _grpo(rl: Runs) -> list[GRPOSpec]:
    stages = [stage for stage in rl.stages if isinstance(stage, GRPOSpec)]
    if len(stages) != len(rl.stages):
        raise TypeError(f"fixed points: {rl.node} is no GRPO, whose fixed point is known.")
    return stages


def _tilted(before: Observation, beta: float) -> Array:
    return tilt(outcomes(before), outcome_rewards(before), beta)
