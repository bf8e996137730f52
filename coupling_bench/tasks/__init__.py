"""What models are trained and measured on: prompts, demonstrations and splits.

``load(spec)`` returns a ``Task``, the same for the same spec, everywhere. A new task is a module
with ``load`` and one entry in ``LOADERS``.
"""

from __future__ import annotations

import functools
import importlib
import random
from collections.abc import Mapping
from dataclasses import dataclass

from coupling_bench.answers import render
from coupling_bench.specs import ColaSpec, GrammarSpec, TaskSpec

LOADERS = {"grammar": "coupling_bench.tasks.grammar", "cola": "coupling_bench.tasks.cola"}


@dataclass(frozen=True, kw_only=True)
class Item:
    """One sentence and its true answer."""

    sentence: str
    truth: int
    """Index into the task's answers."""
    group: str
    """What kind of sentence it is: the phenomenon (grammar) or the source (CoLA)."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """The splits of a corpus and what its demonstrators do."""

    spec: TaskSpec
    splits: Mapping[str, tuple[Item, ...]]
    """``pretraining``, ``sft``, ``rl``, ``held_out``, ``out_of_domain``."""

    def prompt(self, item: Item) -> str:
        """Return the text that the model continues with its answer."""
        return render(self.spec.prompt_template, item.sentence)

    def demonstrations(self, split: str, seed: int) -> list[int]:
        """Return one demonstrated answer for each item of a split, drawn from p_D.

        On ``grammar`` an annotator flips the truth with rate ``label_noise``; on ``cola`` the
        corpus's own label is the demonstration.
        """
        draw = random.Random(f"demonstrations/{self.spec.name}/{split}/{seed}")
        noise = label_noise(self.spec)
        return [
            item.truth if draw.random() >= noise else 1 - item.truth for item in self.splits[split]
        ]


def label_noise(spec: TaskSpec) -> float:
    """Return the rate at which demonstrators flip the true label; 0 where labels are the truth."""
    return spec.label_noise if isinstance(spec, GrammarSpec) else 0.0


def optimal_loss_is_known(spec: TaskSpec) -> bool:
    """Say whether p_D is known by construction, and with it L*; on real data it is not."""
    return not isinstance(spec, ColaSpec)


@functools.lru_cache(maxsize=2)
def load(spec: TaskSpec) -> Task:
    """Return the task that ``spec`` describes."""
    return importlib.import_module(LOADERS[spec.name]).load(spec)
