"""Training that goes on where a killed attempt was saved, and ends as if nothing had happened.

transformers' own checkpoints hold weights, optimizer, scheduler, random states, its log and the
place in the data, and it loads them as weights alone, never as code. What they lack of TRL's and
its own trainers is carried along here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from accelerate.data_loader import get_sampler
from transformers import TrainerCallback
from trl.trainer.utils import RepeatSampler

from coupling_bench import models
from coupling_bench.fingerprint import address
from coupling_bench.specs import TrainingSpec
from coupling_bench.stages.sharing import processes
from coupling_bench.stages.unfinished import Unfinished, made, newest_first, read

CARRIED = ("_total_train_tokens", "_total_loss_scalar")
"""Counters that trainers begin anew when they go on, and log. TRL's ``_step`` counts micro-batches
to know when to sample: 0 is right where completions are used up, as at checkpoints."""
T = TypeVar("T", bound=TrainingSpec)


def as_before(spec: T, folder: Path) -> T:
    """Return ``spec`` carried out as the attempt before, whose sums would be rounded otherwise."""
    for place in newest_first(folder):
        checkpoint = read(place)
        if checkpoint is None:
            continue
        execution: dict[str, Any] = {n: checkpoint.made.get(n) for n in _execution(spec)}
        if checkpoint.made == made(address(spec), **execution):
            return replace(spec, **execution)
    return spec


class Resuming(TrainerCallback):
    """Trains from the last checkpoint of an earlier attempt, and writes some itself."""

    def __init__(self, spec: TrainingSpec, folder: Path):
        """Find where to go on with ``spec`` in ``folder``; this is before anything is written."""
        self.spec = spec
        self._unfinished = Unfinished(folder, address(spec), **_execution(spec))

    @property
    def facts(self) -> dict[str, Any]:
        """What the manifest says: at which steps the training has gone on, if it was killed."""
        return self._unfinished.facts

    def train(self, trainer: Any) -> None:
        """Train to the end. Snapshots of a step have to be made by callbacks of the trainer."""
        self._trainer = trainer
        trainer.add_callback(self)
        found = self._unfinished.found
        # The first process's trainer has made it; empty, it would say that there is one.
        if found is None and trainer.args.should_save:
            Path(trainer.args.output_dir).rmdir()
        trainer.train(resume_from_checkpoint=found and str(self._unfinished.place(found.step)))

    def on_train_begin(self, args, state, control, train_dataloader=None, **kwargs):
        """Give the trainer back what its checkpoint lacks."""
        found = self._unfinished.found
        if found is None:
            return
        self._unfinished.tell_where(state.max_steps)
        # transformers writes some weights under other names (GPT-NeoX), and does not find them.
        models.load_snapshot(self._trainer.model, self._unfinished.place(found.step), found.step)
        for name, value in found.carried.items():
            setattr(self._trainer, name, value)
        self._trainer._initial_global_step = 0  # the mean loss is that of all steps
        sampler = get_sampler(train_dataloader)
        if isinstance(sampler, RepeatSampler):  # it draws each epoch's order after the last one's
            for _ in range(int(state.epoch)):
                next(iter(sampler))

    def on_step_end(self, args, state, control, **kwargs):
        """Ask for a checkpoint when it is time, where the trainer can go on from one."""
        window = getattr(self.spec, "num_iterations", 1)  # steps on the same completions
        between = state.global_step % window == 0 and state.global_step < state.max_steps
        if between and _restorable(self.spec) and self._unfinished.due():
            Path(args.output_dir).mkdir(exist_ok=True)
            control.should_save = True
        return control

    def on_save(self, args, state, control, **kwargs):
        """Let the checkpoint count that the trainer has just written."""
        models.save_snapshot(
            self._trainer.model, self._unfinished.place(state.global_step), state.global_step
        )
        counters = {n: getattr(self._trainer, n) for n in CARRIED if hasattr(self._trainer, n)}
        self._unfinished.complete(state.global_step, counters)


def _execution(spec: TrainingSpec) -> dict[str, Any]:
    together = {"processes": processes()} if processes() > 1 else {}
    return {
        **together,
        "micro_batch": spec.micro_batch or spec.rows_per_step,
        "gradient_checkpointing": bool(spec.gradient_checkpointing),
    }


def _restorable(spec: TrainingSpec) -> bool:
    """Say whether a checkpoint holds all: a reference that moves and vLLM's draws are not in it.

    Nor do several processes write one together.
    """
    moves = getattr(spec, "sync_ref_model", False) or getattr(spec, "use_vllm", False)
    return processes() == 1 and not moves
