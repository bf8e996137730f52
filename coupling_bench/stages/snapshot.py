"""An earlier moment of a stage as a checkpoint: the snapshot's file is linked, nothing is trained.

Links are relative within the store, which may be moved as a whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from coupling_bench import models, stage_log
from coupling_bench.fingerprint import address
from coupling_bench.specs import SnapshotSpec

OF_THE_RUN = {"manifest.json", "log.json", stage_log.NAME, models.SNAPSHOTS, models.BASE}
"""What an entry holds of its training, and not of its model."""


def run(spec: SnapshotSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Link the weights of one snapshot of the entry ``start`` into ``folder``.

    Raises:
        ValueError: the stage stored no snapshot after that many steps.
    """
    steps = models.snapshot_steps(start)
    if spec.step not in steps:
        raise ValueError(
            f"{address(spec)}: {address(spec.start)} has no snapshot after {spec.step} optimizer "
            f"steps. It has those after {', '.join(map(str, steps))}."
        )
    link(start, spec.step, folder)
    return {"steps": spec.step, "snapshots": [spec.step], "seed": spec.seed}


def link(start: Path, step: int, folder: Path) -> None:
    """Make ``folder`` the checkpoint that the entry ``start`` was after ``step`` of its steps."""
    adapted = (start / models.ADAPTERS).exists()
    weights = "adapter_model.safetensors" if adapted else "model.safetensors"
    there = Path("..") / start.name
    earlier = step != models.snapshot_steps(start)[-1]  # the last one is the checkpoint itself
    for file in start.iterdir():
        if file.name not in OF_THE_RUN and not (earlier and file.name == weights):
            (folder / file.name).symlink_to(there / file.name)
    if earlier:
        snapshot = there / models.SNAPSHOTS / f"{step:06d}.safetensors"
        (folder / weights).symlink_to(snapshot)
    if adapted:
        models.link_base(folder, start / models.BASE)
    models.end_snapshots(folder, step)
