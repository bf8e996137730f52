"""What each checkpoint measures, and how two differ: rows of the record, with intervals over items.

Items are paired: both checkpoints answer the same ones, so what makes an item hard cancels.
"""

from __future__ import annotations

import math
from typing import Any

from coupling_bench.fingerprint import address
from coupling_bench.measures import ability, by_item, divergence, loss, reward
from coupling_bench.measuring import limits
from coupling_bench.runs import Array, Observation, Runs, Split, observe
from coupling_bench.statistics import Interval, student_interval

Record = dict[str, Any]

Ends = tuple[float, float]
ANYWHERE = (-math.inf, math.inf)
EXACT = "exact"
EXACT_BIAS = (
    "no sampling; what is none of the answers is one outcome, so it is a lower bound where much is"
)


def checkpoint(runs: Runs, split: Split) -> Record:
    """Return one checkpoint's row: its measures on a split, each with its interval over items."""
    (stage,) = runs.stages
    (seen,) = observe(runs, split)
    rewards = limits.reward_range(stage.task, seen) or ANYWHERE
    row: Record = {
        "name": runs.node,
        "source": stage.start.folder,
        "revision": stage.start.revision,
        "spec": address(stage),
        "prompts": stage.start.prompts,
        "prompt_template": stage.task.prompt_template,
        "device": stage.start.device,
        "first_prompt": seen.prompts[0],
        "loss": over_items(by_item.sft_losses(seen), (0.0, math.inf)),
        "reward": over_items(by_item.expected_rewards(seen), rewards),
        "mean_at_1_robust": over_items(by_item.means_at_1(seen, "robust"), rewards),
        "mean_at_1_strict": over_items(by_item.means_at_1(seen, "strict"), rewards),
        "accuracy": None,
        "mcc": None,
        "other_mass": None,
        "sub_optimality": None,
    }
    epsilon = loss.sub_optimality(runs, split)
    if epsilon is not None:
        row["sub_optimality"] = float(epsilon[0])
    if seen.closed:
        row["accuracy"] = over_items(ability.hits(seen).astype(float), (0.0, 1.0))
        row["mcc"] = _mcc(runs, split, seen)
        row["other_mass"] = float(reward.other_mass(runs, split)[0])  # type: ignore[index]
    return row


def changes(first: Observation, second: Observation) -> Record:
    """Return how ``second`` differs from ``first``: the paired change of L and of J."""
    losses = by_item.sft_losses(second) - by_item.sft_losses(first)
    rewards = by_item.expected_rewards(second) - by_item.expected_rewards(first)
    return {"loss_change": over_items(losses), "reward_change": over_items(rewards)}


def exact_kl(policy: Observation, reference: Observation) -> Record:
    """Return KL(policy || reference) over a closed set of answers, in nats per sequence."""
    return {
        "estimator": EXACT,
        **over_items(divergence.kl_by_item(policy, reference), (0.0, math.inf)),
        "bias": EXACT_BIAS,
    }


def over_items(values: Array, within: Ends = ANYWHERE) -> Record:
    """Return the mean of ``(P,)`` values with its Student interval over items, as JSON types.

    The interval is cut to where the mean can lie at all.
    """
    return _json(student_interval(values), within)


def _mcc(runs: Runs, split: Split, seen: Observation) -> Record:
    """Return the MCC with the jackknife's interval over items, around the MCC itself."""
    jackknife = student_interval(ability.mcc_pseudovalues(seen))
    half = jackknife.high - jackknife.estimate
    value = float(ability.mcc(runs, split)[0])
    return _json(Interval(estimate=value, low=value - half, high=value + half), (-1.0, 1.0))


def _json(found: Interval, within: Ends) -> Record:
    ends = max(found.low, within[0]), min(found.high, within[1])
    known = [end if math.isfinite(end) else None for end in ends]
    return {"estimate": found.estimate, "interval": known}
