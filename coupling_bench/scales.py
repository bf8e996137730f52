"""The one dial: how large a run is, as named bundles of specs.

``smoke`` proves the plumbing in under a minute and gives no verdict; ``small`` is the default and
decides on a laptop; ``paper`` is the paper's own experiment, as far as the paper says what it was.
How the numbers were chosen, and from what, stands in ``docs/log.md``: by looking at rewards, never
at verdicts.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from coupling_bench.pipelines import Recipe
from coupling_bench.specs import (
    AnyModel,
    ArithmeticSpec,
    CheckpointSpec,
    ColaSpec,
    DPOSpec,
    GrammarSpec,
    GRPOSpec,
    ImportSpec,
    JsonlSpec,
    LoraSpec,
    ModelSpec,
    PretrainSpec,
    RLOOSpec,
    SFTSpec,
    TaskSpec,
    of_kind,
)

SCALES = ("small", "smoke", "paper")
TASKS = ("grammar", "arithmetic", "cola")

OVERLOOKED_PHENOMENA = ("argument_structure", "polarity", "pronoun_case", "wh_gap")
"""Violations that the annotator of pretraining often overlooks: the base knows the difference and
prefers the wrong answer, so that RL has something to learn and something to find."""

INSTRUCTION = """Is this sentence acceptable English? Answer "acceptable" or "unacceptable".
{sentence}
"""
"""What models from elsewhere are asked, which have not been pretrained on bare sentences."""

CARDS = """Add the cards one by one, as in "7+10=17 17+5=22". Write nothing else.
{prompt}
"""
"""The same, of sums of cards."""

ADAPTERS_LEARN_FASTER = 10.0
"""Learning rate of adapters as a multiple of that of all weights (Schulman et al., "LoRA Without
Regret", 2025)."""


def task(name: str, scale: str, data_dir: Path | None = None) -> TaskSpec:
    """Return the task called ``name`` at a scale.

    Args:
        name: one of ``TASKS``, or the path of a user's own ``task.toml``.
        scale: one of ``SCALES``.
        data_dir: where the files of a task lie that is not generated.

    Raises:
        FileNotFoundError: a data file is missing.
        ValueError: a data file is malformed.
    """
    smoke = scale == "smoke"
    if name == "grammar":
        return GrammarSpec(
            held_out_phenomena=("agreement_across_relative", "inversion", "reflexive"),
            pretraining_size=2_000 if smoke else 60_000,
            prompts_size=256 if smoke else 8_000,
            held_out_size=100 if smoke else 600,
            out_of_domain_size=40 if smoke else 200,
            rl_prompts="shared",
        )
    if name == "arithmetic":
        return ArithmeticSpec(
            pretraining_size=2_000 if smoke else 60_000,
            prompts_size=256 if smoke else 8_000,
            held_out_size=40 if smoke else 200,
        )
    sizes: dict[str, Any] = {"prompts_size": 256, "held_out_size": 100} if smoke else {}
    if name == "cola":
        from coupling_bench.tasks import cola

        return ColaSpec(
            files=cola.digests(data_dir),
            folder=str(data_dir) if data_dir else None,
            pretraining_share=0.5,
            **sizes,
        )
    from coupling_bench.tasks.jsonl import read_task

    return replace(read_task(name), **sizes)


def recipe(model: AnyModel, task: TaskSpec, scale: str, lora: LoraSpec | None = None) -> Recipe:
    """Return how every stage of ``model`` is trained on ``task`` at a scale.

    Args:
        model: pretrained here, or from elsewhere.
        task: as ``task`` returns it; a model from elsewhere is asked in whole sentences.
        scale: one of ``SCALES``.
        lora: adapters, for every stage after the base.
    """
    if isinstance(model, ModelSpec):
        chosen = _embedded(model, task, scale)
    elif isinstance(model, CheckpointSpec):
        chosen = _imported(model, _for_imported(task), scale, lora)
    else:
        raise TypeError(f"scales: {type(model).__name__} is no model that a recipe is known for.")
    if lora is None:
        return chosen
    return replace(
        chosen,
        sft=replace(chosen.sft, lora=lora),
        rl=replace(chosen.rl, lora=lora),
        rloo=replace(chosen.rloo, lora=lora),
        dpo=replace(chosen.dpo, lora=lora),
    )


def _for_imported(task: TaskSpec) -> TaskSpec:
    """Return a task as models from elsewhere get it: none of it is kept for pretraining."""
    if isinstance(task, ArithmeticSpec):
        return replace(task, prompt_template=CARDS, max_completion_tokens=64)
    if isinstance(task, GrammarSpec):
        return replace(task, prompt_template=INSTRUCTION, max_completion_tokens=16)
    if isinstance(task, ColaSpec):
        return replace(
            task, pretraining_share=0.0, prompt_template=INSTRUCTION, max_completion_tokens=16
        )
    return replace(task, pretraining_share=0.0)


def _embedded(model: ModelSpec, task: TaskSpec, scale: str) -> Recipe:
    base = PretrainSpec(
        start=model,
        task=task,
        snapshot_every=10_000,
        learning_rate=4e-3,
        lr_scheduler_type="cosine",
        warmup_steps=50,
        adam_beta2=0.98,
        weight_decay=0.01,
        batch_size=64,
        max_steps=2_000,
        judged_share=0.8,
        annotator_noise=0.1,
        overlooked_phenomena=OVERLOOKED_PHENOMENA,
        overlooked_share=0.55,
        max_length=model.max_position_embeddings,
    )
    if isinstance(task, ArithmeticSpec):
        base = replace(
            base, max_steps=1_600, learning_rate=6e-3, judged_share=1.0, annotator_noise=0.25,
            overlooked_phenomena=(), overlooked_share=0.0,
        )  # fmt: skip
    elif not isinstance(task, GrammarSpec):
        # Some thousand prompts of no known phenomena, learnt by heart beyond five epochs (CoLA).
        base = replace(base, max_steps=330, overlooked_phenomena=(), overlooked_share=0.0)
    sft = SFTSpec(
        start=base,
        task=task,
        snapshot_every=25,
        learning_rate=5e-4,
        lr_scheduler_type="cosine",
        warmup_steps=20,
        batch_size=32,
        num_train_epochs=2,
        max_length=model.max_position_embeddings,
    )
    rl = GRPOSpec(
        start=base,
        task=task,
        snapshot_every=5,
        learning_rate=3e-4,
        warmup_steps=10,
        adam_beta2=0.98,
        max_grad_norm=0.2,
        prompts_per_step=64,
        max_steps=160,
        num_generations=8,
        max_completion_length=_longest(task, closed=4),
        beta=0.0,
        loss_type="dapo",
        scale_rewards="group",
    )
    dpo = DPOSpec(
        start=base,
        task=task,
        snapshot_every=10,
        learning_rate=1.5e-4,
        warmup_steps=10,
        adam_beta2=0.98,
        batch_size=64,
        num_train_epochs=1,
        max_length=model.max_position_embeddings,
        max_completion_length=rl.max_completion_length,
        beta=2.0,
        loss_type="sigmoid",
    )
    if isinstance(task, ArithmeticSpec):
        # Completions are five times as long, and few are the same: fewer of them a step.
        rl = replace(rl, max_steps=60, prompts_per_step=32, snapshot_every=5)
        dpo = replace(dpo, batch_size=32)
        sft = replace(sft, batch_size=64)
    if scale == "smoke":
        base = replace(base, max_steps=40, batch_size=32)
        sft = replace(sft, start=base, snapshot_every=8)
        rl = replace(rl, start=base, max_steps=8, snapshot_every=2, prompts_per_step=8)
        dpo = replace(dpo, start=base, batch_size=32, snapshot_every=2)
    rloo = _rloo(rl)
    if isinstance(task, ArithmeticSpec):  # of so few steps half the snapshots show no drift
        rloo = replace(rloo, snapshot_every=rl.snapshot_every)
    return Recipe(
        model=model.name, task=task, scale=scale, base=base, sft=sft, rl=rl, rloo=rloo, dpo=dpo
    )


def _longest(task: TaskSpec, closed: int) -> int:
    """Return the tokens that a completion is cut at in RL; ``closed``: of the shipped answers."""
    if isinstance(task, JsonlSpec | ArithmeticSpec):
        return task.max_completion_tokens
    return closed


def _rloo(rl: GRPOSpec) -> RLOOSpec:
    """Return RLOO with the budget, the sampling and the optimizer of GRPO."""
    # Half as many snapshots: an observation costs a quarter of the training.
    snapshots = 2 * rl.snapshot_every
    return of_kind(RLOOSpec, rl, snapshot_every=snapshots, normalize_advantages=False)


def _imported(model: CheckpointSpec, task: TaskSpec, scale: str, lora: LoraSpec | None) -> Recipe:
    """Return the recipe of a model from elsewhere.

    The paper gives two epochs of SFT and GRPO, and neither learning rates nor batch sizes. These
    are verl's defaults of its time (learning rates 1e-5 and 1e-6) at batches that one card holds;
    GRPO sees as many prompts as SFT.
    """
    base = ImportSpec(start=model, task=task)
    faster = ADAPTERS_LEARN_FASTER if lora is not None else 1.0
    on_gpu = model.device == "cuda"
    paper = scale == "paper"
    sft = SFTSpec(
        start=base,
        task=task,
        snapshot_every=32 if paper else 64,
        learning_rate=1e-5 * faster,
        lr_scheduler_type="cosine",
        warmup_steps=20,
        batch_size=64 if paper else 32,
        num_train_epochs=2,
        max_length=1024,
        bf16=on_gpu,
    )
    rl = GRPOSpec(
        start=base,
        task=task,
        snapshot_every=32 if paper else 20,
        learning_rate=1e-6 * faster,
        warmup_steps=10,
        prompts_per_step=64 if paper else 32,
        max_steps=266 if paper else 160,
        num_generations=8,
        max_completion_length=_longest(task, closed=8),
        beta=0.0,
        loss_type="dapo",
        scale_rewards="group",
        bf16=on_gpu,
    )
    dpo = DPOSpec(
        start=base,
        task=task,
        snapshot_every=32 if paper else 20,
        learning_rate=1e-6 * faster,
        warmup_steps=10,
        batch_size=64 if paper else 32,
        num_train_epochs=1,
        max_length=1024,
        max_completion_length=rl.max_completion_length,
        beta=0.1,
        loss_type="sigmoid",
        bf16=on_gpu,
    )
    if scale == "smoke":
        sft = replace(sft, snapshot_every=8)
        rl = replace(rl, max_steps=4, snapshot_every=2, prompts_per_step=8)
        dpo = replace(dpo, snapshot_every=2)
    return Recipe(
        model=model.name, task=task, scale=scale, base=base, sft=sft, rl=rl, rloo=_rloo(rl), dpo=dpo
    )
