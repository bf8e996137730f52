"""The end of a run, with a part of its weight matrices put back to an earlier moment of the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from coupling_bench import models
from coupling_bench.fingerprint import address
from coupling_bench.specs import EditSpec, model_of
from coupling_bench.stages.training import quiet_libraries
from coupling_bench.theory.edits import edited


def run(spec: EditSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Write the edited checkpoint into ``folder``; ``start`` holds the earlier moment.

    Raises:
        ValueError: the run trains adapters, or its model has no matrices of these names.
    """
    end = start.parent / address(spec.start.start)
    if (end / models.ADAPTERS).exists():
        raise ValueError(
            f"{address(spec)}: editing the weight matrices of {address(spec.start.start)}: it has "
            "adapters, and whole matrices were needed. Run without --peft."
        )
    quiet_libraries()
    model, tokenizer = models.load(end, model_of(spec), dtype="float32")
    moment = dict(models.load(start, model_of(spec), dtype="float32")[0].named_parameters())
    weights = dict(model.named_parameters())
    names = models.named(weights, spec.matrices)
    draw = np.random.default_rng(spec.seed)
    squares = 0.0
    for name in names:
        before, then = (one[name].detach().double().numpy(force=True) for one in (weights, moment))
        with threadpool_limits(spec.threads):  # numpy's, as torch's: they order the sums
            after = edited(before, then, spec.part, spec.share, draw)
        squares += float(np.square(after - before).sum())
        with torch.no_grad():
            weights[name].copy_(torch.from_numpy(after))
    models.save(model, tokenizer, folder, end)
    models.end_snapshots(folder, 0)
    return {
        "steps": 0, "snapshots": [0], "seed": spec.seed, "matrices": len(names),
        "norm": float(np.sqrt(squares)),
    }  # fmt: skip
