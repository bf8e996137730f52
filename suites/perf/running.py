"""Whole training graphs in this process, with our trainers or with plain TRL's."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import trl

from coupling_bench.executors import open_executor
from coupling_bench.graph import graph
from coupling_bench.graph import run as run_graph
from coupling_bench.pipelines import NODES, Recipe
from coupling_bench.stages import grpo, pretrain, sft
from coupling_bench.store import Store

CLAIMS = (
    ("sft", "sft_then_rl"),
    ("base", "sft_then_rl"),
    ("rl", "rl_then_sft"),
    ("base", "rl_then_sft"),
)
"""The nodes of each claim of the spine, in the order of their files."""


def short(recipe: Recipe) -> Recipe:
    """Return the default recipe with fewer steps of the same size."""
    task = replace(recipe.task, pretraining_size=4_000, prompts_size=800)
    base = replace(recipe.base, task=task, max_steps=50)
    sft_ = replace(recipe.sft, task=task, start=base, num_train_epochs=1)
    rl = replace(recipe.rl, task=task, start=base, max_steps=5)
    return replace(recipe, task=task, base=base, sft=sft_, rl=rl)


def cold(recipe: Recipe, claims: Iterable[tuple[str, ...]], seeds: int) -> int:
    """Train and observe all that ``claims`` need, from an empty store; return the stages made."""
    folder = tempfile.mkdtemp()
    nodes = dict.fromkeys(node for claim in claims for node in claim)
    plan = graph((NODES[node](recipe, seed), seed) for node in nodes for seed in range(seeds))
    store = Store(Path(folder))
    executor = open_executor("inline", store, 1, lambda message: None)
    try:
        outcome = run_graph(plan, store, executor, lambda spec, error: None)
    finally:
        executor.close()
        shutil.rmtree(folder)
    if outcome.failed:
        raise next(iter(outcome.failed.values()))
    return len(outcome.made)


@contextmanager
def plain_trl() -> Iterator[None]:
    """Let the stages train with TRL's own trainers; they find their rows prepared."""
    with (
        mock.patch.object(grpo.build, "__defaults__", (trl.GRPOTrainer,)),
        mock.patch.object(sft, "PackedSFTTrainer", trl.SFTTrainer),
        mock.patch.object(pretrain, "PackedSFTTrainer", trl.SFTTrainer),
    ):
        yield
