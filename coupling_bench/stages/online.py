"""What the stages of online RL share: the prompts, the verifier, and one generation a step.

The shipped tasks' verifier knows the truth and is strict on the format: +1 for the right answer to
the letter, -1 for anything else. Users bring their own (``task.toml``).
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import TrainerCallback

from coupling_bench import models, tasks
from coupling_bench.fingerprint import address
from coupling_bench.prompting import prompt_texts
from coupling_bench.specs import OnlineSpec, model_of
from coupling_bench.stages import defects
from coupling_bench.stages.training import check_lengths, common_options, load


def build(
    spec: OnlineSpec, start: Path, callbacks: list[TrainerCallback], kind: type, args: Any
) -> Any:
    """Return a trainer of ``kind`` with configuration ``args``, ready to train from ``start``.

    Raises:
        ValueError: a prompt is too long, or TRL would hold the policy to something else than start.
    """
    if spec.beta and spec.lora is None and (start / models.ADAPTERS).exists():
        raise ValueError(
            f"{address(spec)}: beta={spec.beta} holds the policy to its start, whose adapters are "
            "to become part of the weights here, and TRL would look for it without them. Train "
            "this stage with adapters too (lora), or with beta=0."
        )
    if spec.use_vllm and importlib.util.find_spec("vllm") is None:
        raise ValueError(
            f"{address(spec)}: use_vllm is set and vLLM is not installed. Install it (pip install "
            "coupling-bench[vllm]), or leave sampling to transformers."
        )
    task = tasks.load(spec.task)
    items = task.splits["rl"]
    if len(items) < spec.prompts_per_step:
        raise ValueError(
            f"{address(spec)}: {spec.task.name} has {len(items)} prompts for RL, and a step takes "
            f"{spec.prompts_per_step}. Set fewer: --set grpo.prompts_per_step={max(len(items), 1)}"
        )
    model, tokenizer = load(spec, start)
    prompts = prompt_texts(model_of(spec), tokenizer, task, items)
    rows = [{"prompt": prompt, "item": number} for number, prompt in enumerate(prompts)]
    room = models.context(model, tokenizer) - spec.max_completion_length
    check_lengths(spec, rows, tokenizer, room)
    return kind(
        model=model,
        reward_funcs=verifier(spec, task, items),
        args=args,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=callbacks,
    )


def verifier(
    spec: OnlineSpec, task: tasks.Task, items: Sequence[tasks.Item]
) -> Callable[..., list[float]]:
    """Return TRL's reward function: it looks up each row's ``item`` and asks the task."""
    judged = defects.judged(spec, items)

    def verifier(completions, item, trainer_state, **_: Any) -> list[float]:
        rewards = task.rewards([judged[number] for number in item], completions)
        if not all(math.isfinite(value) for value in rewards):
            raise FloatingPointError(  # TRL would take it for a 0 and train on
                f"{address(spec)} (seed {spec.seed}): the verifier gave a reward that is not "
                f"finite, after step {trainer_state.global_step} of {trainer_state.max_steps}; "
                "training stopped and nothing was stored."
            )
        return rewards

    return verifier


def options(spec: OnlineSpec, folder: Path) -> dict[str, Any]:
    """Return the keyword arguments of TRL's configuration for ``spec``."""
    common = common_options(spec, folder)
    # One generation a step, whatever the micro-batch: with more steps a generation the later
    # ones would be off-policy.
    generation = {"steps_per_generation": common["gradient_accumulation_steps"]}
    return {**common, **generation, "log_completions": False}
