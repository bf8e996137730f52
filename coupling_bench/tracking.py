"""Where trainers log what they measure, if a user asks: TensorBoard, Weights & Biases or MLflow.

Their own ``report_to`` does it. It changes no number, so it is no part of a spec: the process that
trains is told by ``use``, as it is told who listens to its progress.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

TOOLS = ("tensorboard", "wandb", "mlflow")
"""The names of ``report_to``, of the packages, and of this project's extras."""


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """Which tool, and where its files go: beside the run's report, never into the store."""

    tool: str
    folder: Path
    names: Mapping[str, str] = field(default_factory=dict)
    """What stages are called, by address; those without a name are called by their address."""

    def name(self, address: str) -> str:
        """Return what a stage is called: ``embedded/sft/seed-0``."""
        label = self.names.get(address, address)
        return label.replace(": ", "/").replace(", ", "/").replace(" ", "-")


_tracker: Tracker | None = None


def use(tracker: Tracker | None) -> None:
    """Let the trainers of this process log there from now on; None: nowhere."""
    global _tracker
    _tracker = tracker


def current() -> Tracker | None:
    """Return where the trainers of this process log."""
    return _tracker


def options(address: str) -> dict[str, str]:
    """Return what the trainer of a stage is told."""
    if _tracker is None:
        return {"report_to": "none"}
    return {"report_to": _tracker.tool, "run_name": _tracker.name(address)}


@contextlib.contextmanager
def run(address: str) -> Iterator[None]:
    """Tell the tool where a stage's files go, and end its run with the stage.

    What users say in the tools' own environment variables is left as it is.
    """
    if _tracker is None:
        yield
        return
    added = {k: v for k, v in _variables(_tracker, address).items() if k not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        if "wandb" in sys.modules:  # its callback would go on with the run of the stage before
            sys.modules["wandb"].finish()
        for name in added:
            os.environ.pop(name, None)


def _variables(tracker: Tracker, address: str) -> dict[str, str]:
    if tracker.tool == "tensorboard":
        folder = tracker.folder / tracker.name(address)
        shutil.rmtree(folder, ignore_errors=True)  # of an earlier run
        return {"TENSORBOARD_LOGGING_DIR": str(folder)}
    tracker.folder.mkdir(parents=True, exist_ok=True)
    if tracker.tool == "wandb":  # which makes a folder wandb in the one that is named
        return {"WANDB_PROJECT": "coupling_bench", "WANDB_DIR": str(tracker.folder.parent)}
    return {
        "MLFLOW_EXPERIMENT_NAME": "coupling_bench",
        "MLFLOW_TRACKING_URI": f"sqlite:///{tracker.folder / 'mlflow.db'}",
    }


def check(tool: str) -> None:
    """Refuse a tool that is not installed.

    Raises:
        ValueError: with the command that installs it.
    """
    if importlib.util.find_spec(tool) is None:
        raise ValueError(
            f"--track {tool}: the package {tool} is not installed. Install it: "
            f"pip install 'coupling-bench[{tool}]'"
        )


def told(tracker: Tracker | None, trained: int, reused: int) -> str:
    """Return in one sentence what was logged and how to look at it; nothing if nobody asked."""
    if tracker is None:
        return ""
    if not trained:
        return f"{tracker.tool}: no stage was trained, and reused ones log nothing."
    look = {
        "tensorboard": f"tensorboard --logdir {tracker.folder}",
        "wandb": f"at Weights & Biases; if offline: wandb sync {tracker.folder}/offline-run-*",
        "mlflow": f"mlflow ui --backend-store-uri sqlite:///{tracker.folder / 'mlflow.db'}",
    }[tracker.tool]
    idle = f"; the {reused} reused ones log nothing" if reused else ""
    return f"{tracker.tool}: {trained} stages were trained{idle}. Look: {look}"
