"""Observations and evaluations: what is asked of a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from coupling_bench.specs.marks import EXECUTION
from coupling_bench.specs.training import StageSpec


@dataclass(frozen=True, kw_only=True)
class ObservationSpec:
    """What a stage's snapshots answer on one split: exact log-probabilities and sampled text."""

    of: StageSpec
    split: Literal["held_out", "out_of_domain", "longer"]
    snapshots: Literal["all", "last"]
    temperatures: tuple[float, ...] = tuple(round(2 ** (k / 8), 6) for k in range(-8, 25))
    """Divisors of the last snapshot's logits, for the best-temperature fit: 1/2 to 8."""
    sampling_temperature: float
    sampling_top_p: float
    """The paper's protocol: one sampled completion a prompt, "mean@1"."""
    sampling_tokens: int
    samples: int
    """Completions a prompt at temperature 1, from which J is estimated where answers are open; 0
    where they are a closed set, whose probabilities are exact."""
    sampling_seed: int
    """The seed of the run that asks, so that seeds sample independently, of a shared base too."""
    batch_size: int = 128
    """Prompts at a time. Part of the identity: it orders the random draws."""
    threads: int = 1
    """Torch threads."""
    probe_version: int = 4
    """Raised by hand when a change of the probe changes what it observes."""


@dataclass(frozen=True, kw_only=True)
class EvaluationSpec:
    """What lm-eval finds of a stage's checkpoint on one of its tasks."""

    of: StageSpec
    lm_eval_task: str
    """Of ours (``coupling_...``) or of lm-eval's own."""
    seed: int = 0
    """Of sampled completions."""
    limit: int | None = None
    """The first so many items; None: all."""
    threads: int = 1
    """Torch threads."""
    evaluation_version: int = 1
    """Raised by hand when a change of our tasks or of how they are run changes what is found."""
    data: tuple[tuple[str, str], ...] = ()
    """(file, sha256) of CoLA's files, where the task is made of them."""
    lm_eval_version: str | None = None
    """Of lm-eval, whose own tasks come with it; None: the task is one of ours."""
    data_dir: str | None = field(default=None, metadata=EXECUTION)
    """Where CoLA's files lie; None: the environment's folder, or the Hub's copy."""
