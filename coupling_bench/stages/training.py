"""What the stages share: options for TRL, snapshots, progress, and a halt on numbers that are not.

The stages themselves stay flat pages; only what all of them need word for word is here.
"""

from __future__ import annotations

import dataclasses
import json
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import accelerate
import datasets
import transformers
from transformers import PrinterCallback, TrainerCallback

from coupling_bench import models, planning, tracking
from coupling_bench.fingerprint import address
from coupling_bench.progress import Progress, tell
from coupling_bench.specs import ExactSpec, TrainingSpec, model_of
from coupling_bench.stages import defects
from coupling_bench.stages.resuming import Resuming, as_before
from coupling_bench.stages.sharing import gathered, processes, rows_a_process
from coupling_bench.store import UNFINISHED

SHOWN = ("loss", "reward")
WATCHED = (*SHOWN, "grad_norm")
TIMES = ("_runtime", "_per_second", "step_time")
"""Ends of the names of what a trainer's clock says, which is another time whenever it trains."""
_OPTION_NAMES = {field.name for field in dataclasses.fields(transformers.TrainingArguments)}


def common_options(spec: TrainingSpec, folder: Path) -> dict[str, Any]:
    """Return the keyword arguments of the trainer's configuration that all stages share.

    They follow from the spec (batch sizes, its own fields) or cannot change the numbers (where
    to log, if anywhere; checkpoints are asked for by ``resuming``).
    """
    defects.check(spec)
    rows = rows_a_process(spec)
    micro_batch = spec.micro_batch or rows
    if rows % micro_batch:
        raise ValueError(
            f"{address(spec)}: micro_batch={micro_batch} does not divide the {rows} rows of a step."
        )
    # transformers renamed it in 5.2x
    renamed = "activation_checkpointing" in _OPTION_NAMES
    checkpointing = "activation_checkpointing" if renamed else "gradient_checkpointing"
    return {
        **spec.trainer_options(),
        checkpointing: bool(spec.gradient_checkpointing),
        "output_dir": str(folder / UNFINISHED),
        "per_device_train_batch_size": micro_batch,
        "gradient_accumulation_steps": rows // micro_batch,
        "data_seed": spec.seed,
        "use_cpu": model_of(spec).device == "cpu",
        "fp16": False,
        "dataloader_pin_memory": False,
        "save_strategy": "no",
        **tracking.options(address(spec)),
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # by default it hides a loss that is not finite
        "disable_tqdm": True,
    }


class Recorder(TrainerCallback):
    """Stores snapshots, reports progress, and stops training at the first number that is not."""

    def __init__(self, spec: TrainingSpec, folder: Path):
        """Record the training of ``spec`` into ``folder``."""
        self.spec, self.folder = spec, folder
        self.address = address(spec)  # a hash, and every step asks for it

    def on_train_begin(self, args, state, control, model=None, **kwargs):  # noqa: D102
        if state.global_step == 0:  # else an earlier attempt has made it
            self._snapshot(model, state)

    def on_step_end(self, args, state, control, model=None, **kwargs):  # noqa: D102
        last = state.global_step == state.max_steps  # which the checkpoint itself is
        if not last and self.spec.stores(state.global_step):
            self._snapshot(model, state)

    def on_log(self, args, state, control, logs=None, **kwargs):  # noqa: D102
        values = {k: float(v) for k, v in (logs or {}).items() if isinstance(v, int | float)}
        check_finite(self.address, self.spec.seed, state.global_step, state.max_steps, values)
        tell(
            Progress(
                address=self.address,
                step=state.global_step,
                total=state.max_steps,
                values=tuple((n, values[n]) for n in SHOWN if n in values),
            )
        )

    def _snapshot(self, model: Any, state: transformers.TrainerState) -> None:
        weights = gathered(model)
        if state.is_world_process_zero:
            models.save_snapshot(model, self.folder, state.global_step, weights)


def check_finite(
    address: str, seed: int, step: int, total: int, values: Mapping[str, float]
) -> None:
    """Stop a stage at the first number that is none.

    Raises:
        FloatingPointError: naming it.
    """
    for name in WATCHED:
        if not math.isfinite(values.get(name, 0.0)):
            raise FloatingPointError(
                f"{address} (seed {seed}): the {name} at step {step} of {total} is "
                f"{values[name]}; training stopped and nothing was stored. Lower learning_rate or "
                "look at the data."
            )


def load(spec: TrainingSpec, start: Path) -> tuple[Any, Any]:
    """Return model and tokenizer of the checkpoint in ``start``, as ``spec`` trains them.

    A stage with adapters goes on with those that it finds; one without makes them part of the
    weights.
    """
    model, tokenizer = models.load(start, model_of(spec))
    adapted = hasattr(model, "peft_config")
    if spec.lora is not None and not adapted:
        transformers.set_seed(spec.seed)  # the adapters' first factors are random
        model = models.adapt(model, spec.lora)
    elif spec.lora is not None:
        _check_adapters(spec, model.peft_config["default"])
    elif adapted:
        model = model.merge_and_unload().requires_grad_(True)  # peft has frozen them
    return model, tokenizer


def _check_adapters(spec: TrainingSpec, found: Any) -> None:
    """Refuse to go on with other adapters than the spec says."""
    lora = spec.lora
    if lora is None or (found.r, found.lora_alpha) == (lora.rank, lora.alpha):
        return
    raise ValueError(
        f"{address(spec)}: it is to train adapters of rank {lora.rank} and alpha {lora.alpha}, and "
        f"starts from a checkpoint with rank {found.r} and alpha {found.lora_alpha}. Say the same "
        "for every stage: --peft lora --lora-rank N --lora-alpha N"
    )


def check_lengths(
    spec: TrainingSpec | ExactSpec, rows: list[dict[str, Any]], tokenizer, limit: int
) -> None:
    """Refuse a row that would not fit: TRL would cut it and train on half an answer.

    Args:
        spec: whose rows they are, for the message.
        rows: ``{"input_ids"}``, end of sequence included, or ``{"prompt"}``, which counts with the
            room that its completion needs.
        tokenizer: the model's.
        limit: the largest number of tokens, end of sequence included.

    Raises:
        ValueError: naming the first row that is too long.
    """
    if "input_ids" in rows[0]:
        lengths = [len(row["input_ids"]) for row in rows]
    else:
        prompts = tokenizer([row["prompt"] for row in rows])["input_ids"]
        lengths = [len(ids) + 1 for ids in prompts]
    for number, length in enumerate(lengths):
        if length > limit:
            row = rows[number]
            text = row.get("prompt") or tokenizer.decode(row["input_ids"])
            raise ValueError(
                f"{address(spec)}: row {number} has {length - 1} tokens and an end of sequence, "
                f"the limit is {limit}: {text[:80]!r}... Shorten it or raise the limit."
            )


def train(
    spec: TrainingSpec, build: Callable[..., Any], start: Path | None, folder: Path
) -> dict[str, Any]:
    """Train, write the final checkpoint and the trainer's log; return facts for the manifest.

    Arguments as for ``train_fitting``.
    """
    resuming = Resuming(spec, folder)
    trainer = build(spec, start, folder, [Recorder(spec, folder)])
    trainer.remove_callback(PrinterCallback)  # a line a step; log.json keeps the same numbers
    fallbacks = getattr(trainer, "reasons", {})  # TRL's own trainers give none
    for part, reason in fallbacks.items():
        note = f"{part} by TRL's own, slower code: {reason}."
        tell(Progress(address=address(spec), step=0, total=0, note=note))
    resuming.train(trainer)
    weights = gathered(trainer.model)
    if not trainer.is_world_process_zero():
        return {}
    models.save(trainer.model, trainer.processing_class, folder, start, weights)
    models.end_snapshots(folder, trainer.state.global_step)
    log = [_numbers(entry) for entry in trainer.state.log_history]
    (folder / "log.json").write_text(json.dumps(log, sort_keys=True))
    facts = {
        "steps": trainer.state.global_step,
        "snapshots": models.snapshot_steps(folder),
        "seed": spec.seed,
        **resuming.facts,
    }
    if processes() > 1:
        facts["processes"] = processes()
    return {**facts, "fallbacks": fallbacks} if fallbacks else facts


def _numbers(entry: Mapping[str, Any]) -> dict[str, float]:
    """Return what a trainer has logged at a step, without times."""
    numbers = {
        name: float(value)
        for name, value in entry.items()
        if isinstance(value, int | float) and not name.endswith(TIMES)
    }
    return {**numbers, "step": entry["step"]}


def train_fitting(
    spec: TrainingSpec, build: Callable[..., Any], start: Path, folder: Path
) -> dict[str, Any]:
    """Train with as many rows at a time as the device's memory holds; return facts.

    On a GPU the spec leaves that open: it is chosen from the memory that is free, and lowered if
    that was too much after all. Each attempt is a whole training, from the same start and seed. A
    training that was killed goes on with the size that it had.

    Args:
        spec: how to train.
        build: ``build(spec, start, folder, callbacks)`` returns the trainer.
        start: folder of the checkpoint to train from.
        folder: where the new one goes.
    """

    def attempt(fitted: TrainingSpec) -> dict[str, Any]:
        return train(fitted, build, start, folder) | {
            "micro_batch": fitted.micro_batch or rows_a_process(fitted),
            "gradient_checkpointing": bool(fitted.gradient_checkpointing),
        }

    spec = as_before(spec, folder)
    if model_of(spec).device == "cpu":
        return attempt(spec)
    shape = planning.of_model(model_of(spec), lora=spec.lora, autocast=spec.bf16)
    longest = planning.load_of(spec).longest
    settled = planning.settle(spec, shape, longest, planning.free_bytes(model_of(spec).device))
    rows = rows_a_process(spec)
    sizes = [n for n in planning.divisors(rows) if n <= (settled.micro_batch or 0)]
    if processes() > 1:  # all take the same, which no single one may lower afterwards
        sizes = accelerate.utils.broadcast_object_list(sizes[:1])
    return planning.fit(lambda size: attempt(replace(settled, micro_batch=size)), sizes)


def quiet_libraries() -> None:
    """Turn off progress bars and advice of the libraries: our own lines say how far a stage is."""
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
