"""A random step from where a stage began: as long as the stage's own, or as far in divergence.

Any step away from an optimum of the SFT loss raises it (Gibbs' inequality), so what RL does to the
loss is told from what a step without any purpose does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
ROUNDING = 1e-6
"""Probabilities of answers, computed in fp32 and added up, are known to about so much."""


def run(spec: PerturbSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Write the perturbed checkpoint into ``folder``; ``start`` holds the stage that is imitated.

    Raises:
        ValueError: the stage did not move, answers are open where the divergence is asked for, or
            no length of the step comes near it.
    """
    quiet_libraries()
    model, tokenizer = models.load(start, model_of(spec), dtype="float32")
    trained = [weights for weights in model.parameters() if weights.requires_grad]
    end = _copy(trained)
    models.load_snapshot(model, start, 0)
    ray = _Ray(trained, spec.seed)
    norm = _norm([b - a for a, b in zip(ray.origin, end, strict=True)])
    if norm == 0.0:
        raise ValueError(f"{address(spec)}: {address(spec.start)} ended where it began: no length.")

    facts: dict[str, float] = {}
    length = norm
    if spec.matched == "kl":
        length, facts = _as_far(spec, ray, end, norm, _answers(spec, model, tokenizer))
    ray.go(length)
    models.save(model, tokenizer, folder, start)
    models.end_snapshots(folder, 0)
    lengths = {"norm": length, "norm_of_the_stage": norm}
    return {"steps": 0, "snapshots": [0], "seed": spec.seed, **lengths, **facts}


class _Ray:
    """What a model's weights may be: where they are now, and any length along a direction."""

    def __init__(self, weights: Sequence[Any], seed: int):
        """Draw the direction uniformly from the unit sphere of all weights together."""
        self.weights, self.origin = weights, _copy(weights)
        draw = torch.Generator().manual_seed(seed)
        parts = [torch.randn(one.shape, generator=draw) for one in weights]
        length = _norm(parts)
        self.direction = [(p / length).to(w) for p, w in zip(parts, weights, strict=True)]

    @torch.no_grad()
    def put(self, values: Sequence[Tensor]) -> None:
        """Give the model other weights."""
        for one, value in zip(self.weights, values, strict=True):
            one.copy_(value)

    def go(self, length: float) -> None:
        """Give the model the weights at a length from the origin."""
        along = zip(self.origin, self.direction, strict=True)
        self.put([origin + length * direction for origin, direction in along])


def _copy(weights: Sequence[Any]) -> list[Tensor]:
    return [one.detach().clone() for one in weights]


def _norm(parts: Sequence[Tensor]) -> float:
    return float(torch.stack([part.double().square().sum() for part in parts]).sum().sqrt())


def _as_far(
    spec: PerturbSpec,
    ray: _Ray,
    end: Sequence[Tensor],
    norm: float,
    answers: Callable[[], Tensor],
) -> tuple[float, dict[str, float]]:
    """Return the length at which the answers differ as much as at the stage's end, and facts."""
    before = answers()
    ray.put(end)
    target = _divergence(before, answers())

    def divergence(length: float) -> float:
        ray.go(length)
        return _divergence(before, answers())

    length, found = _match(divergence, target, norm, spec)
    return length, {"kl": found, "kl_of_the_stage": target}


def _answers(spec: PerturbSpec, model: Any, tokenizer: Any) -> Callable[[], Tensor]:
    """Return what gives ``(P, A + 1)`` log-probabilities of the answers, and of anything else."""
    if spec.task.answers is None:
        raise ValueError(
            f"{address(spec)}: a divergence is computed over a closed set of answers, and "
            f"{spec.task.name} has none. Match the norm instead."
        )
    task = tasks.load(spec.task)
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
