"""What a process does that makes entries for others, whichever executor has started it."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from coupling_bench import progress, stages, tracking
from coupling_bench.specs import Spec
from coupling_bench.stages import launching
from coupling_bench.store import Store


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How stages are made where that changes no number, and so is no part of a spec."""

    tracker: tracking.Tracker | None = None
    """Where trainers log; None: nowhere."""
    devices: launching.Devices | None = None
    """What a trained stage is shared among; None: it has one device."""


def set_up(tell: Callable[[progress.Progress], None] | None, settings: Settings) -> None:
    """Let this process make entries as ``settings`` say, and tell ``tell`` how far they are."""
    progress.listen(tell)
    tracking.use(settings.tracker)
    launching.use(settings.devices)


def quieten() -> None:
    """Set this process's environment so that libraries print no bars and warn of no fork."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TQDM_DISABLE", "1")  # our own lines say how far a stage is


def prepare() -> None:
    """Import what stages need, once a process."""
    stages.load()
    gc.freeze()  # collections, one a training at least, pass over what the libraries have made


def make(spec: Spec, root: Path) -> bool:
    """Make the entry of ``spec`` in the store at ``root``; return whether it had to be made."""
    return stages.make(spec, Store(root, known=True))[1]
