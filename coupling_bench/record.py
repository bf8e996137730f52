"""The JSON that a run writes.

Reports, figures and comparisons are readers of records; ``docs/architecture.md`` describes the
schema. Records hold JSON types alone: None stands for what is unbounded or unknown.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from coupling_bench import environment
from coupling_bench.bench import Bench
from coupling_bench.fingerprint import address
from coupling_bench.measures import ability, loss, reward, steps
from coupling_bench.pipelines import (
    PIPELINES,
    NotHereError,
    lineage,
    observed_splits,
)
from coupling_bench.runs import Observation, Runs, Split, is_observed, observe
from coupling_bench.specs import (
    BestSnapshotSpec,
    EvaluationSpec,
    LandscapeSpec,
    ObservationSpec,
    SnapshotSpec,
    StageSpec,
    TaskSpec,
    model_of,
    parent,
)
from coupling_bench.statistics import holm
from coupling_bench.tasks import label_noise

SCHEMA = 1
SHOWN_COMPLETIONS = 12
CLOSED_MEASURES = {
    "accuracy": ability.accuracy,
    "mcc": ability.mcc,
    "balanced_accuracy": ability.balanced_accuracy,
    "other_mass": reward.other_mass,
}
"""What is known of a task whose answers are a closed set, and of no other."""

Record = dict[str, Any]


def build(
    bench: Bench,
    claims: list[Record],
    *,
    command: str,
    seconds: float,
    theorems: list[Record] | None = None,
    tables: dict[str, list[Record]] | None = None,
) -> Record:
    """Return the record of a run from its decided claims and from what the store holds of them.

    Args:
        bench: the run.
        claims: one entry a decided test, with ``model`` and ``nodes``.
        command: what the user typed.
        seconds: wall time of the run.
        theorems: one entry a checked theorem.
        tables: what figures are drawn from, as rows of named tables.
    """
    all_runs = [
        (model, node, bench.runs(model, node))
        for model in (bench.models if claims else ())
        for node in _with_ancestors(bench, model, claims)
    ]
    observed = [(m, n, r) for m, n, r in all_runs if _is_observed(r)]
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "claims": _with_holm(claims),
        "theorems": theorems or [],
        "tables": tables or {},
        "stages": [row for m, n, r in all_runs for row in _stages(bench, m, n, r)],
        "curves": _curves(observed),
        "abilities": [row for m, n, r in observed for row in _abilities(m, n, r)],
        "groups": [row for m, n, r in observed for row in _groups(m, n, r)],
        "completions": _completions(observed),
        "constants": {bench.task.name: _constants(bench.task, observed)} if observed else {},
        "environment": {
            **environment.describe(),
            "command": command,
            "seconds": round(seconds, 1),
            "trained": sum(map(_is_stage, bench.outcome.made)),
            "reused": sum(map(_is_stage, bench.outcome.reused)),
        },
    }


def _is_stage(name: str) -> bool:
    """Say whether an address is a trained stage's, and not an observation's."""
    kinds = (ObservationSpec, LandscapeSpec, EvaluationSpec)
    return not name.startswith(tuple(kind.__name__ for kind in kinds))


def write(record: Record, path: Path) -> None:
    """Write a record in one piece: a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")
    os.replace(temporary, path)


def read(path: Path) -> Record:
    """Return the record in a file.

    Raises:
        ValueError: it is not a record, or one of another schema.
    """
    try:
        record = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"record: {path} is not JSON (line {error.lineno}).") from None
    found = record.get("schema") if isinstance(record, dict) else None
    if found != SCHEMA:
        raise ValueError(f"record: {path} has schema {found!r}, this version reads {SCHEMA}.")
    return record


def _with_ancestors(bench: Bench, model: str, claims: list[Record]) -> list[str]:
    """Return the nodes that a model's claims needed, and those that they descend from."""
    named = {node for claim in claims if claim["model"] == model for node in claim["nodes"]}
    stages = [stage for node in named for stage in bench.stages(model, node)]
    used = {address(ancestor) for stage in stages for ancestor in lineage(stage)}
    return [n for n in bench.nodes if any(address(s) in used for s in _stages_of(bench, model, n))]


def _stages_of(bench: Bench, model: str, node: str) -> tuple[StageSpec, ...]:
    try:
        return bench.stages(model, node)
    except NotHereError:
        return ()


def _is_observed(runs: Runs) -> bool:
    """Say whether all that abilities are told of is there; of some stages it is not asked."""
    return all(is_observed(runs, Split(name=split)) for split in observed_splits(runs.task))


def _stages(bench: Bench, model: str, node: str, runs: Runs) -> list[Record]:
    rows = []
    for stage in dict.fromkeys(runs.stages):  # the base is one for all seeds
        entry = bench.store.find(stage)
        if entry is None:
            continue
        start = parent(stage)
        made_in = entry.manifest["environment"]
        rows.append(
            {
                "node": node,
                "model": model,
                "task": bench.task.name,
                "spec": address(stage),
                "kind": type(stage).__name__,
                "seed": None if start is None else stage.seed,
                "steps": entry.facts["steps"],
                "wall_seconds": entry.manifest["seconds"],
                "device": entry.facts["device"],
                "prompts": model_of(stage).prompts,
                "peak_memory_bytes": entry.facts["peak_memory_bytes"],
                "reused": address(stage) not in bench.outcome.made,
                "start": address(start) if start is not None else None,
                "options": {
                    name: value
                    for name, value in entry.manifest["spec"].items()
                    if name not in ("start", "task", "kind")
                },
                "packages": made_in["packages"],
                "commit": made_in["commit"],
                "dirty": made_in["dirty"],
            }
        )
    return rows


def _curves(observed: list[tuple[str, str, Runs]]) -> list[Record]:
    """Return one curve a stage and seed, in each pipeline that was observed to its end.

    Steps count from the start of the pipeline; several begin with the same stage.
    """
    there = {(model, node) for model, node, _ in observed}
    return [
        {
            "model": model,
            "task": runs.task.name,
            "pipeline": pipeline,
            "node": node,
            "seed": stage.seed,
            "steps": (seen.steps + _steps_before(runs, stage)).tolist(),
            "loss": loss.loss_curve(seen).tolist(),
            "reward": reward.reward_curve(seen).tolist(),
            "mean_at_1": reward.mean_at_1_curve(seen).tolist(),
        }
        for model, node, runs in observed
        for pipeline, order in PIPELINES.items()
        if node in order and there.issuperset((model, name) for name in order)
        for stage, seen in zip(runs.stages, observe(runs, Split(name="held_out")), strict=True)
    ]


def _steps_before(runs: Runs, stage: StageSpec) -> int:
    """Return the optimizer steps of the pipeline before ``stage``, pretraining left out."""
    start = parent(stage)
    if start is None or parent(start) is None:
        return 0
    if isinstance(stage, SnapshotSpec | BestSnapshotSpec):  # a moment within its stage
        return _steps_before(runs, stage.start)
    return runs.store.get(start).facts["steps"] + _steps_before(runs, start)


def _abilities(model: str, node: str, runs: Runs) -> list[Record]:
    rows = []
    for split_name in observed_splits(runs.task):
        split = Split(name=split_name)
        measures = {
            "loss": loss.sft_loss(runs, split),
            "loss_per_token": loss.sft_loss_per_token(runs, split),
            "loss_at_best_temperature": loss.sft_loss_at_best_temperature(runs, split),
            "best_temperature": loss.best_temperature(runs, split),
            "reward": reward.expected_reward(runs, split),
            "mean_at_1_robust": reward.mean_at_1(runs, split, "robust"),
            "mean_at_1_strict": reward.mean_at_1(runs, split, "strict"),
            "step_accuracy": steps.step_accuracy(runs, split),
            **{name: None for name in CLOSED_MEASURES},
        }
        if runs.task.answers is not None:
            measures |= {name: take(runs, split) for name, take in CLOSED_MEASURES.items()}
        rows += [
            {
                "model": model,
                "task": runs.task.name,
                "node": node,
                "seed": seed,
                "split": split_name,
                **{n: None if v is None else float(v[index]) for n, v in measures.items()},
            }
            for index, seed in enumerate(runs.seeds)
        ]
    return rows


def _groups(model: str, node: str, runs: Runs) -> list[Record]:
    return [
        {"model": model, "task": runs.task.name, "node": node, "split": split, "group": g, **values}
        for split in observed_splits(runs.task)
        if runs.task.answers is not None
        for g, values in ability.by_group(runs, Split(name=split)).items()
    ]


def _completions(observed: list[tuple[str, str, Runs]]) -> list[Record]:
    """Return, for each pipeline, the first seed's sampled answers to some of the prompts.

    The prompts are the same in all pipelines of a model: some evenly spaced, and as many more of
    those whose answer differs between stages.
    """
    by_model: dict[str, dict[str, Runs]] = {}
    for model, node, runs in observed:
        by_model.setdefault(model, {})[node] = runs
    rows = []
    for model, nodes in by_model.items():
        paths = {
            pipeline: [node for node in ("base", *order) if node in nodes]
            for pipeline, order in PIPELINES.items()
            if set(order) <= set(nodes)
        }
        asked = dict.fromkeys(node for path in paths.values() for node in path)
        seen = {node: observe(nodes[node], Split(name="held_out"))[0] for node in asked}
        shown = _shown(seen) if seen else {}
        for pipeline, path in paths.items():
            found = {node: seen[node] for node in path}
            rows += [
                _completion(model, nodes, pipeline, found, item) | {"chosen": why}
                for item, why in shown.items()
            ]
    return rows


def _completion(
    model: str, nodes: dict[str, Runs], pipeline: str, seen: dict[str, Observation], item: int
) -> Record:
    first = next(iter(seen.values()))
    return {
        "model": model,
        "task": nodes[pipeline].task.name,
        "pipeline": pipeline,
        "prompt": first.prompts[item],
        "truth": first.answers[first.truth[item]] if first.answers else first.responses[item],
        "answers": {node: o.completions[-1][item] for node, o in seen.items()},
    }


def _shown(seen: dict[str, Observation]) -> dict[int, str]:
    """Return the items whose answers are shown, in order, with why each was chosen."""
    answers = list(zip(*(o.completions[-1] for o in seen.values()), strict=True))
    changed = [n for n, texts in enumerate(answers) if len({text.strip() for text in texts}) > 1]
    spaced = _spaced(range(len(answers)))
    more = _spaced([item for item in changed if item not in spaced])
    return dict(sorted([(i, "spaced") for i in spaced] + [(i, "changed") for i in more]))


def _spaced(items: Sequence[int]) -> list[int]:
    places = np.unique(np.linspace(0, len(items) - 1, SHOWN_COMPLETIONS).astype(int))
    return [items[place] for place in places.tolist()] if items else []


def _constants(task: TaskSpec, observed: list[tuple[str, str, Runs]]) -> Record:
    _, _, runs = observed[0]
    seen = {
        split: observe(runs, Split(name=split))[0] if split in observed_splits(task) else None
        for split in ("held_out", "out_of_domain")
    }
    held_out, out_of_domain = seen.values()
    return {
        "label_noise": label_noise(task),
        "optimal_loss": loss.optimal_loss(task),
        "demonstrator_reward": reward.demonstrator_reward(runs, Split(name="held_out")),
        "majority_reward": _majority(held_out),
        "majority_reward_out_of_domain": _majority(out_of_domain),
        "items": len(held_out.prompts) if held_out else 0,
        "items_out_of_domain": len(out_of_domain.prompts) if out_of_domain else 0,
        "rl_prompts": task.rl_prompts,
        "answers": "closed" if task.answers is not None else "open",
    }


def _majority(seen: Observation | None) -> float | None:
    return ability.majority_reward(seen) if seen is not None and seen.closed else None


def _with_holm(claims: list[Record]) -> list[Record]:
    tested = [i for i, claim in enumerate(claims) if claim["p_value"] is not None]
    adjusted = dict(zip(tested, holm([claims[i]["p_value"] for i in tested]), strict=True))
    return [{**claim, "p_value_holm": adjusted.get(i)} for i, claim in enumerate(claims)]
