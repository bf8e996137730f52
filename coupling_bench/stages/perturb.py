"""A random step from where a stage began: as long as the stage's own, or as far in divergence.

Any step away from an optimum of the SFT loss raises it (Gibbs' inequality), so what RL does to the
loss is told from what a step without any purpose does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from coupling_bench import branching, models, tasks
from coupling_bench.fingerprint import address
from coupling_bench.prompting import answer_ids, prompt_texts
from coupling_bench.specs import PerturbSpec, model_of
from coupling_bench.stages.training import quiet_libraries
from coupling_bench.whole_rows import WholeRows

MOST_DOUBLINGS, MOST_HALVINGS = 12, 40
TOGETHER = 128
"""Prompts at a time."""


def run(spec: PerturbSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Write the perturbed checkpoint into ``folder``; ``start`` holds the stage that is imitated.

    Raises:
        ValueError: the stage did not move, answers are open where the divergence is asked for, or
            no length of the step comes near it.
    """
    quiet_libraries()
    model, tokenizer = models.load(start, model_of(spec), dtype="float32")
    trained = [weights for weights in model.parameters() if weights.requires_grad]
    answers = _answers(spec, model, tokenizer) if spec.matched == "kl" else None
    end, end_answers = _copy(trained), answers() if answers else None
    models.load_snapshot(model, start, 0)
    begin = _copy(trained)
    norm = _norm([b - a for a, b in zip(begin, end, strict=True)])
    if norm == 0.0:
        raise ValueError(f"{address(spec)}: {address(spec.start)} ended where it began: no length.")
    direction = _direction(trained, spec.seed)

    def go(length: float) -> None:
        with torch.no_grad():
            for weights, origin, along in zip(trained, begin, direction, strict=True):
                weights.copy_(origin + length * along)

    length, facts = norm, {}
    if answers is not None and end_answers is not None:
        before = answers()
        target = _divergence(before, end_answers)

        def divergence(length: float) -> float:
            go(length)
            return _divergence(before, answers())

        length, found = _match(divergence, target, norm, spec)
        facts = {"kl": found, "kl_of_the_stage": target}
    go(length)
    models.save(model, tokenizer, folder, start)
    models.end_snapshots(folder, 0)
    lengths = {"norm": length, "norm_of_the_stage": norm}
    return {"steps": 0, "snapshots": [0], "seed": spec.seed, **lengths, **facts}


def _copy(weights: list[Any]) -> list[Tensor]:
    return [one.detach().clone() for one in weights]


def _norm(parts: list[Tensor]) -> float:
    return float(torch.stack([part.double().square().sum() for part in parts]).sum().sqrt())


def _direction(weights: list[Any], seed: int) -> list[Tensor]:
    """Return a direction drawn uniformly from the unit sphere of all weights together."""
    draw = torch.Generator().manual_seed(seed)
    parts = [torch.randn(one.shape, generator=draw) for one in weights]
    length = _norm(parts)
    return [(part / length).to(one) for part, one in zip(parts, weights, strict=True)]


def _answers(spec: PerturbSpec, model: Any, tokenizer: Any) -> Callable[[], Tensor]:
    """Return what gives ``(P, A + 1)`` log-probabilities of the answers, and of anything else."""
    task = tasks.load(spec.task)
    if spec.task.answers is None:
        raise ValueError(
            f"{address(spec)}: a divergence is computed over a closed set of answers, and "
            f"{spec.task.name} has none. Match the norm instead."
        )
    items = task.splits["sft"][: spec.prompts]
    prompts = prompt_texts(model_of(spec), tokenizer, task, items)
    asked = tokenizer(prompts)["input_ids"]
    said = [answer_ids(tokenizer, prompts, [text] * len(items)) for text in spec.task.answers]
    bare = model.get_base_model() if hasattr(model, "peft_config") else model
    kind = WholeRows if branching.obstacle(bare) else branching.Branching
    padding, ends = tokenizer.pad_token_id, [tokenizer.eos_token_id]

    @torch.inference_mode()
    def answers() -> Tensor:
        found = []
        for at in range(0, len(asked), TOGETHER):
            batch = kind(model, asked[at : at + TOGETHER], padding, ends)
            after = [of_all[at : at + TOGETHER] for of_all in said]
            found.append(batch.score(after, (1.0,))[0])
        logps = torch.cat(found)
        rest = (1.0 - logps.exp().sum(dim=1, keepdim=True)).clamp(min=ROUNDING).log()
        return torch.cat([logps, rest], dim=1)

    return answers


ROUNDING = 1e-6
"""Probabilities of answers, computed in fp32 and added up, are known to about so much."""


def _divergence(before: Tensor, after: Tensor) -> float:
    """Return E KL(before || after) in nats per sequence, over the answers and anything else."""
    return float((before.exp() * (before - after)).sum(dim=1).mean())


def _match(
    divergence: Callable[[float], float], target: float, length: float, spec: PerturbSpec
) -> tuple[float, float]:
    """Return the length whose divergence is ``target``, by bisection, and its divergence."""
    low, high = 0.0, length
    for _ in range(MOST_DOUBLINGS):
        if divergence(high) >= target:
            break
        low, high = high, 2 * high
    for _ in range(MOST_HALVINGS):
        middle = (low + high) / 2
        found = divergence(middle)
        if abs(found - target) <= spec.tolerance * target:
            return middle, found
        low, high = (middle, high) if found < target else (low, middle)
    raise ValueError(
        f"{address(spec)}: no step along its direction, up to the length {high:.3g}, has the "
        f"divergence {target:.4g} of {address(spec.start)}. Draw another direction: change seed."
    )
