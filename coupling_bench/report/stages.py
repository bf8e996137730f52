"""What was trained: one row a node with its seeds together, and each recipe once."""

import json
from typing import Any

from coupling_bench.report.tables import grouped, spread
from coupling_bench.report.text import counted, is_number, listed, plain, seconds, size

OF_A_SEED = ("seed",)
"""Options that differ between the seeds of a recipe, and are no part of it."""

Record = dict[str, Any]


def view(record: Record) -> Record | None:
    """The section as the page's template takes it; None for a run without stages."""
    stages = record["stages"]
    if not stages:
        return None
    recipes: dict[str, Record] = {}
    rows = [
        _row(model, task, node, found, recipes)
        for (model, task, node), found in grouped(stages, "model", "task", "node").items()
    ]
    return {"summary": summary(stages), "rows": rows, "recipes": list(recipes.values())}


def summary(stages: list[Record]) -> str:
    """What the stages took and what was reused, in numbers alone."""
    made = [stage for stage in stages if not stage.get("reused")]
    times = [s["wall_seconds"] for s in made if is_number(s.get("wall_seconds"))]
    peaks = [s["peak_memory_bytes"] for s in stages if is_number(s.get("peak_memory_bytes"))]
    told = [f"{counted(len(stages), 'stage')}: {len(made)} trained in this run"]
    told[0] += f" ({seconds(sum(times))} of work)" if times else ""
    told.append(f"{len(stages) - len(made)} reused from the store")
    peak = f" Peak memory: {size(max(peaks))}." if peaks else ""
    devices = sorted({plain(stage.get("device")) for stage in stages})
    return f"{', '.join(told)}; on {listed(devices)}.{peak}"


def _row(model: str, task: str, node: str, found: list[Record], recipes: Record) -> Record:
    reused = sum(bool(stage.get("reused")) for stage in found)
    return {
        "model": model, "task": task, "node": node, "stages": found,
        "seeds": ", ".join(plain(s.get("seed")) for s in found),
        "steps": ", ".join(dict.fromkeys(plain(s.get("steps")) for s in found)),
        "time": spread(found, "wall_seconds"),
        "devices": ", ".join(dict.fromkeys(plain(s.get("device")) for s in found)),
        "prompts": ", ".join(dict.fromkeys(s["prompts"] for s in found if s.get("prompts"))),
        "peak": spread(found, "peak_memory_bytes"),
        "source": _source(reused, len(found)),
        "recipes": list(dict.fromkeys(filter(None, (_recipe(node, s, recipes) for s in found)))),
    }  # fmt: skip


def _source(reused: int, count: int) -> str:
    if reused in (0, count):
        return "reused" if reused else "trained"
    return f"{count - reused} trained, {reused} reused"


def _recipe(node: str, stage: Record, recipes: Record) -> str | None:
    """The name of a stage's recipe among those met so far; None if it has no options."""
    options = {k: v for k, v in (stage.get("options") or {}).items() if k not in OF_A_SEED}
    packages = stage.get("packages") or {}
    if not options:
        return None
    made_by = [plain(stage["commit"])] if stage.get("commit") else []
    made_by += ["with changes"] if made_by and stage.get("dirty") else []
    key = json.dumps([stage.get("kind"), options, packages, made_by], sort_keys=True)
    recipe = recipes.setdefault(key, {
        "name": f"recipe {len(recipes) + 1}", "kind": plain(stage.get("kind")), "nodes": [],
        "options": options, "packages": packages, "commit": ", ".join(made_by),
    })  # fmt: skip
    if node not in recipe["nodes"]:
        recipe["nodes"].append(node)
    return recipe["name"]
