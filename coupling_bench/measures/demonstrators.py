"""Who demonstrates decides which way each stage moves the other's measure."""

from __future__ import annotations

from typing import Any

import numpy as np

from coupling_bench.measures import reward
from coupling_bench.measures.loss import cross_entropy
from coupling_bench.runs import Array, Observation, Runs, Split, observe
from coupling_bench.specs import SFTSpec
from coupling_bench.tasks import optimal_loss_is_known
from coupling_bench.theory.policies import entropy, expected


def loss_of_answers_of(teacher: Runs, runs: Runs, split: Split) -> Array:
    """SFT loss of the final checkpoints on another policy's own answers, ``(S,)``.

    In nats per sequence, exact: p_D is the final policy of ``teacher`` over the closed set.
    """
    pairs = zip(observe(teacher, split), observe(runs, split), strict=True)
    return np.array([cross_entropy(seen.answer_logps[-1], _own(shown)) for shown, seen in pairs])


def demonstrators(
    arm: str, before: Runs, after: Runs, split: Split, teacher: Runs | None = None
) -> list[dict[str, Any]]:
    """Return a row a seed: what the second stage does where these demonstrators taught SFT.

    ``predicted_sign`` is of the change of the loss where RL comes second: down if the demonstrators
    earn all that can be earned, else up, under the closed form of Eq. 8 as beta goes to 0. Where
    SFT comes second it is of the change of the reward: SFT to convergence sends J to J_D, so that
    it is the sign of J_D - J_RL, and 0 if RL's policy is the demonstrator. Source: derived.

    Args:
        arm: what to call the demonstrators.
        before: the first stage of a pipeline, SFT or RL.
        after: the second.
        split: the items.
        teacher: whose own answers are the demonstrations; None: the task's annotators'.
    """
    sft_first = isinstance(before.stages[0], SFTSpec)
    sft = before if sft_first else after
    teachers = observe(teacher, split) if teacher else [None] * len(sft.stages)
    rewards = [reward.expected_reward(runs, split) for runs in (before, after)]
    rows = []
    for place, (first, last, stage, taught) in enumerate(
        zip(observe(before, split), observe(after, split), sft.stages, teachers, strict=True)
    ):
        shown = _own(taught) if taught else (first if sft_first else last).demonstrated
        earned = float(expected(shown, last.rewards))
        losses = [cross_entropy(seen.answer_logps[-1], shown) for seen in (first, last)]
        best = float(last.rewards.max(axis=1).mean())
        after_rl = 0 if taught else int(np.sign(earned - rewards[0][place]))
        known = taught is not None or optimal_loss_is_known(stage.task)
        rows.append(
            {
                "arm": arm,
                "pipeline": "sft_then_rl" if sft_first else "rl_then_sft",
                "seed": sft.seeds[place],
                "demonstrator_reward": earned,
                "epsilon": float(losses[not sft_first] - entropy(shown)) if known else None,
                "loss_change": float(losses[1] - losses[0]),
                "reward_change": float(rewards[1][place] - rewards[0][place]),
                "predicted_sign": (1 if earned < best else -1) if sft_first else after_rl,
            }
        )
    return rows


def _own(seen: Observation) -> Array:
    """Return ``(P, A)``: the policy over the closed set, as its own demonstrations are drawn."""
    p = np.exp(seen.answer_logps[-1])
    return p / p.sum(axis=1, keepdims=True)
