"""Policies that nobody trained: observations made from others, for the measures to be tried on."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from coupling_bench.pipelines import observations
from coupling_bench.runs import Observation, Runs, Split, observation_specs, observe
from coupling_bench.store import Store

UNSURE = 1e-6
"""What a policy that always gives one answer leaves to each other one: an SFT loss needs it."""


def always(seen: Observation, answer: int) -> Observation:
    """Return what a policy would have answered that always says one thing.

    Args:
        seen: the prompts, the demonstrations and the rewards; its policy is forgotten.
        answer: index into the closed set.
    """
    logps = np.full_like(seen.answer_logps, np.log(UNSURE))
    others = logps.shape[-1] - 1
    logps[..., answer] = np.log1p(-others * UNSURE)
    said = (seen.answers or [])[answer]
    snapshots, items = logps.shape[:2]
    return replace(
        seen,
        answer_logps=logps,
        tempered_answer_logps=np.repeat(logps[-1:], len(seen.temperatures), axis=0),
        completions=[[said] * items for _ in range(snapshots)],
        completion_rewards=np.tile(seen.rewards[:, answer], (snapshots, 1)),
    )


def instead(runs: Runs, change: Callable[[Observation], Observation], folder: Path) -> Runs:
    """Return runs whose observations are those of ``runs``, changed; they are kept in ``folder``.

    They have no weights: a measure of weights finds none.
    """
    store = Store(folder)
    for asked in observations(runs.stages[0], runs.seeds[0]):
        split = Split(name=asked.split)
        for spec, seen in zip(observation_specs(runs, split), observe(runs, split), strict=True):
            store.get_or_make(spec, functools.partial(write, change(seen)))
    return replace(runs, store=store)


def write(seen: Observation, folder: Path) -> dict[str, Any]:
    """Write an observation as the probe does, and return no facts of it."""
    values = {field.name: getattr(seen, field.name) for field in fields(seen)}
    arrays: dict[str, Any] = {
        name: value for name, value in values.items() if isinstance(value, np.ndarray)
    }
    np.savez_compressed(folder / "observation.npz", **arrays)
    texts = {name: value for name, value in values.items() if name not in arrays}
    (folder / "texts.json").write_text(json.dumps(texts))
    return {}
