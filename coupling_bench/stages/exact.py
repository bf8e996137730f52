"""SFT and RL on exact gradients: a plain torch loop that sums over the closed set of answers.

TRL's trainers sample, completions in RL and annotators' answers in SFT; nothing is sampled here but
which prompts a step takes. The model stays in evaluation mode.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from coupling_bench import models
from coupling_bench.fingerprint import address
from coupling_bench.progress import Progress, tell
from coupling_bench.specs import ExactSpec, model_of
from coupling_bench.stages.objectives import Objective
from coupling_bench.stages.training import check_finite, quiet_libraries
from coupling_bench.stages.unfinished import Unfinished

OPTIMIZER = "optimizer.pt"
Log = list[dict[str, float]]


def run(spec: ExactSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Train from the checkpoint in ``start`` and write the new one into ``folder``."""
    quiet_libraries()
    model, tokenizer = models.load(start, model_of(spec), dtype=spec.dtype)
    if hasattr(model, "peft_config"):
        model = model.merge_and_unload().requires_grad_(True)
    objective = Objective.of(spec, model, tokenizer)
    optimizer = _optimizer(spec, model)
    unfinished = Unfinished(folder, address(spec))
    log = _go_on(unfinished, spec, model, optimizer)
    done = len(log)
    for step, chosen in enumerate(batches(spec, len(objective))):
        if step < done:
            continue
        if spec.stores(step):
            models.save_snapshot(model, folder, step)
        values = _step(spec, objective, model, optimizer, step, chosen)
        log.append({"step": step + 1, **values})
        shown = tuple((n, v) for n, v in values.items() if n == spec.objective)
        tell(Progress(address=address(spec), step=step + 1, total=spec.max_steps, values=shown))
        if step + 1 < spec.max_steps and unfinished.due():
            _save(unfinished, step + 1, model, optimizer, log)
    models.save(model, tokenizer, folder)
    models.end_snapshots(folder, spec.max_steps)
    (folder / "log.json").write_text(json.dumps(log))
    return {
        "steps": spec.max_steps,
        "snapshots": models.snapshot_steps(folder),
        "seed": spec.seed,
        "prompts_seen": len(objective),
        **unfinished.facts,
    }


def _step(
    spec: ExactSpec, objective: Objective, model: Any, optimizer: torch.optim.Optimizer, step: int,
    chosen: Sequence[int],
) -> dict[str, float]:  # fmt: skip
    """Make one step and return what is logged of it."""
    for group in optimizer.param_groups:
        group["lr"] = spec.learning_rate * min(1.0, (step + 1) / max(spec.warmup_steps, 1))
    optimizer.zero_grad()
    values = objective.backward(model, chosen)
    largest = spec.max_grad_norm or float("inf")
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), largest)
    values["grad_norm"] = float(norm)
    check_finite(address(spec), spec.seed, step, spec.max_steps, values)
    optimizer.step()
    return values


def _save(
    unfinished: Unfinished, step: int, model: Any, optimizer: torch.optim.Optimizer, log: Log
) -> None:
    """Write a checkpoint after ``step`` steps."""
    place = unfinished.place(step)
    place.mkdir(parents=True, exist_ok=True)
    models.save_snapshot(model, place, step)
    torch.save(optimizer.state_dict(), place / OPTIMIZER)
    unfinished.complete(step, {"log": log})


def _go_on(
    unfinished: Unfinished, spec: ExactSpec, model: Any, optimizer: torch.optim.Optimizer
) -> Log:
    """Put ``model`` and ``optimizer`` where an earlier attempt was; return its log so far."""
    found = unfinished.found
    if found is None:
        return []
    unfinished.tell_where(spec.max_steps)
    place = unfinished.place(found.step)
    models.load_snapshot(model, place, found.step)
    optimizer.load_state_dict(torch.load(place / OPTIMIZER, weights_only=True))
    return found.carried["log"]


def batches(spec: ExactSpec, many: int) -> Iterator[Sequence[int]]:
    """Yield the places of each step's prompts among ``many``.

    Every prompt comes once before one comes again, but for those of a last batch that would not be
    full.
    """
    size = spec.batch or many
    if size > many:
        raise ValueError(f"{address(spec)}: a batch of {size} is more than its {many} prompts.")
    order = list(range(many))
    shuffle = random.Random(f"exact/order/{spec.seed}").shuffle
    place = many
    for _ in range(spec.max_steps):
        if place + size > many and size < many:
            shuffle(order)
            place = 0
        yield order if size == many else order[place : place + size]
        place += size


def _optimizer(spec: ExactSpec, model: Any) -> torch.optim.Optimizer:
    if spec.optim == "sgd":
        return torch.optim.SGD(
            model.parameters(), lr=spec.learning_rate, weight_decay=spec.weight_decay
        )
    return torch.optim.AdamW(
        model.parameters(),
        lr=spec.learning_rate,
        betas=(spec.adam_beta1, spec.adam_beta2),
        eps=spec.adam_epsilon,
        weight_decay=spec.weight_decay,
    )
