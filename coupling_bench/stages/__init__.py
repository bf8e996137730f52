"""Training stages: each a function from a spec to the files of a checkpoint.

A stage module has ``run(spec, start, folder) -> facts``: it trains from the checkpoint in
``start`` (None for the first stage), writes its checkpoint into ``folder`` and returns facts for
the manifest. A new kind of stage is a spec, a module and one entry here.
"""

from __future__ import annotations

import importlib
import resource
import sys
from pathlib import Path

from coupling_bench import stage_log, tracking
from coupling_bench.fingerprint import address
from coupling_bench.models import SNAPSHOTS
from coupling_bench.specs import ImportSpec, Spec, TrainingSpec, model_of, parent, root
from coupling_bench.stages import launching
from coupling_bench.store import Entry, Store

RUNNERS = {
    "ImportSpec": "coupling_bench.stages.importing",
    "PretrainSpec": "coupling_bench.stages.pretrain",
    "SFTSpec": "coupling_bench.stages.sft",
    "LongSFTSpec": "coupling_bench.stages.sft",
    "PEARSpec": "coupling_bench.stages.pear",
    "ScheduledSFTSpec": "coupling_bench.stages.sft",
    "ScheduledPEARSpec": "coupling_bench.stages.pear",
    "GRPOSpec": "coupling_bench.stages.grpo",
    "JointSpec": "coupling_bench.stages.joint",
    "RLOOSpec": "coupling_bench.stages.rloo",
    "DPOSpec": "coupling_bench.stages.dpo",
    "ExactSpec": "coupling_bench.stages.exact",
    "FlowSpec": "coupling_bench.stages.exact",
    "SnapshotSpec": "coupling_bench.stages.snapshot",
    "BestSnapshotSpec": "coupling_bench.choosing",
    "PerturbSpec": "coupling_bench.stages.perturb",
    "EditSpec": "coupling_bench.stages.edit",
    "ObservationSpec": "coupling_bench.probes",
    "LandscapeSpec": "coupling_bench.landscape.observing",
    "EvaluationSpec": "coupling_bench.harness.evaluating",
}


def load() -> None:
    """Import all stages with torch, transformers and trl, which takes seconds."""
    for module in RUNNERS.values():
        importlib.import_module(module)


def make(spec: Spec, store: Store) -> tuple[Entry, bool]:
    """Return the entry of ``spec`` and whether it had to be made; its parent must be finished."""

    def run(folder: Path) -> dict[str, object]:
        start = parent(spec)
        left_out = unread_of_start(spec)
        start_folder = store.get(start, left_out).folder if start is not None else None
        base = root(spec)
        if start is not None and isinstance(base, ImportSpec):
            refresh = importlib.import_module(RUNNERS["ImportSpec"]).refresh
            refresh(base, store.get(base).folder)
        devices = launching.wanted(spec)
        with stage_log.kept(address(spec), folder):
            if devices is not None:
                return launching.launch(devices, spec, start_folder, folder)
            return train(spec, start_folder, folder)

    return store.get_or_make(spec, run)


def train(spec: Spec, start: Path | None, folder: Path) -> dict[str, object]:
    """Make the files of ``spec`` from the checkpoint in ``start``, here; return its facts."""
    import torch

    torch.set_num_threads(spec.threads)
    runner = importlib.import_module(RUNNERS[type(spec).__name__])
    with tracking.run(address(spec)):
        facts = runner.run(spec, start, folder)
    device = model_of(spec).device
    return {"device": device, "peak_memory_bytes": _peak_memory(device), **facts}


def unread_of_start(spec: Spec) -> str | None:
    """Return the folder of its start that ``spec`` does not read: training goes on from the end."""
    return SNAPSHOTS if isinstance(spec, TrainingSpec) else None


def _peak_memory(device: str) -> int:
    """Return the most memory that this process has held so far, in bytes.

    On a GPU what torch has allocated there, else the resident size.
    """
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
