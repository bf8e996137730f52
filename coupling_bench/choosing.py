"""The snapshot of a stage that earns most out of domain, as a checkpoint: its file is linked.

What it was chosen by is kept beside it: an observation of all snapshots.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from coupling_bench import probes
from coupling_bench.fingerprint import address
from coupling_bench.measures.healing import CHOSEN_ON, accuracies
from coupling_bench.pipelines import observation, observed_splits
from coupling_bench.runs import read_observation
from coupling_bench.specs import BestSnapshotSpec
from coupling_bench.stages.snapshot import link

CHOICE = "choice"
SPLIT = "out_of_domain"


def run(spec: BestSnapshotSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Observe all snapshots of the entry ``start`` out of domain and link the best one's weights.

    Raises:
        ValueError: the task has no split out of domain.
    """
    if SPLIT not in observed_splits(spec.task):
        raise ValueError(
            f"{address(spec)}: choosing a snapshot by what it earns out of domain: "
            f"{spec.task.name} has no such split. Name a file of it in task.toml: "
            "out_of_domain = ..."
        )
    (folder / CHOICE).mkdir()
    asked = replace(observation(spec.start, spec.seed, SPLIT), snapshots="all")
    probes.run(asked, start, folder / CHOICE)
    seen = read_observation(folder / CHOICE)
    best = accuracies(seen)[:, CHOSEN_ON].mean(axis=1).argmax()  # of equals the first
    step = int(seen.steps[best])
    link(start, step, folder)
    return {"steps": step, "snapshots": [step], "seed": spec.seed}
