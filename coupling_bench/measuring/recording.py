"""The record of a measurement: a run without claims, and a section of its own."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from coupling_bench import environment, record
from coupling_bench.measures import ability, loss, reward
from coupling_bench.measuring import comparing, limits, sampled_kl
from coupling_bench.measuring.asking import Question
from coupling_bench.measuring.observing import observe
from coupling_bench.runs import Observation, Runs, Split, observation_specs
from coupling_bench.runs import observe as read

Record = dict[str, Any]

OVER_ITEMS = (
    "95 % intervals are over items, paired where two checkpoints are compared; each checkpoint is "
    "one training run, so they say nothing about another seed's training."
)
PARTS = ("claims", "stages", "curves", "abilities", "groups", "completions")
"""What a record of the suites holds and this one does not."""


def measure(question: Question, tell: Callable[[str], None], *, command: str) -> Record:
    """Return the record of what checkpoints measure and of how they differ; nothing is trained.

    Args:
        question: which checkpoints, on what.
        tell: is told in lines how far it is.
        command: what the user typed.

    Raises:
        FileNotFoundError: a checkpoint cannot be found or fetched.
        ValueError: the question makes no sense, or a model does not fit the task.
    """
    started = time.monotonic()
    runs = observe(question.stages(), question.split, question.store, tell)
    measurement = _measurement(question, list(runs.values()), tell)
    return {
        "schema": record.SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **{part: [] for part in PARTS},
        "measurement": measurement,
        "constants": {},
        "environment": {
            **environment.describe(),
            "command": command,
            "seconds": round(time.monotonic() - started, 1),
        },
    }


def _measurement(question: Question, runs: list[Runs], tell: Callable[[str], None]) -> Record:
    """Return the section of the record that the page and the terminal show."""
    split = Split(name=question.split)
    (seen,) = read(runs[0], split)
    return {
        "task": question.task.name,
        "split": question.split,
        "items": len(seen.prompts),
        "answers": "closed" if seen.closed else "open",
        "note": OVER_ITEMS,
        **_known(runs[0], split, seen),
        "checkpoints": [comparing.checkpoint(one, split) for one in runs],
        "pairs": [_pair(*pair, split, tell) for pair in itertools.combinations(runs, 2)],
    }


def _pair(first: Runs, second: Runs, split: Split, tell: Callable[[str], None]) -> Record:
    before, after = read(first, split)[0], read(second, split)[0]
    row = {"first": first.node, "second": second.node, **comparing.changes(before, after)}
    both = ((second, first), (first, second))
    row["kl"] = [
        {"policy": policy.node, "reference": reference.node, **_kl(policy, reference, split, tell)}
        for policy, reference in both
    ]
    epsilon = loss.sub_optimality(first, split)
    known = [kl["estimate"] for kl in row["kl"] if kl["estimate"] is not None]
    pair = limits.Pair(
        loss_change=row["loss_change"]["estimate"],
        reward_change=row["reward_change"]["estimate"],
        second_reward=float(reward.expected_reward(second, split)[0]),
        demonstrator_reward=reward.demonstrator_reward(first, split),
        kl=max(min(known), 0.0) if known else None,
        sub_optimality=None if epsilon is None else float(epsilon[0]),
        range=limits.reward_range(first.task, before),
        exact=before.closed,
    )
    return {**row, "bounds": limits.rows(pair)}


def _kl(policy: Runs, reference: Runs, split: Split, tell: Callable[[str], None]) -> Record:
    mine, theirs = read(policy, split)[0], read(reference, split)[0]
    if mine.closed:
        return comparing.exact_kl(mine, theirs)
    (drawn,), (other,) = observation_specs(policy, split), observation_specs(reference, split)
    return sampled_kl.kl(drawn, other, policy.store, tell)


def _known(runs: Runs, split: Split, seen: Observation) -> Record:
    """Return what is known of the task without a model; None where it is not."""
    return {
        "optimal_loss": loss.optimal_loss(runs.task, split.name),
        "demonstrator_reward": reward.demonstrator_reward(runs, split),
        "majority_reward": ability.majority_reward(seen) if seen.closed else None,
    }
