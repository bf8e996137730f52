"""lm-eval as a node of the graph: a stage's checkpoint on one task, kept in the store."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from coupling_bench import harness
from coupling_bench.harness import finding
from coupling_bench.runs import EVALUATION
from coupling_bench.specs import EvaluationSpec, model_of


def run(spec: EvaluationSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Evaluate the checkpoint in ``start`` and write scores and items as JSON."""
    from coupling_bench.stages.training import quiet_libraries

    quiet_libraries()
    results = harness.evaluate(
        finding.of_entry(start),
        [spec.lm_eval_task],
        cache=folder.parent / "lm-eval",
        limit=spec.limit,
        device=model_of(spec).device,
        seed=spec.seed,
        data_dir=Path(spec.data_dir) if spec.data_dir else None,
    )
    (folder / EVALUATION).write_text(json.dumps(dataclasses.asdict(results)))
    return {"items": sum(len(items) for items in results.items.values())}
