"""``CouplingCallback``: what a training run pays in SFT loss for its reward, while it trains.

It goes into any trainer of transformers or TRL and measures as the suites do, on held-out items.
The training does not notice: the same weights come out with and without it.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import Trainer, TrainerCallback
from transformers.integrations import is_deepspeed_zero3_enabled, is_fsdp_managed_module

from coupling_bench import scales, tasks
from coupling_bench.catalog import PROMPTS
from coupling_bench.measures import divergence, loss, reward
from coupling_bench.measuring.asking import SCALE, find_task
from coupling_bench.runs import Observation
from coupling_bench.specs import CheckpointSpec
from coupling_bench.tasks import Task
from coupling_bench.watching import NAME, Watch

WINDOW = 3
"""Measurements whose changes are added up for one marginal cost."""
NEGLIGIBLE = 1e-3
"""Nats per sequence: a smaller rise of the SFT loss is no cost."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one measurement found."""

    step: int
    loss: float
    """SFT loss L in nats per sequence."""
    reward: float
    """Expected reward J at temperature 1."""
    kl_to_start: float | None
    """KL(policy || start) in nats per sequence, exact; None where answers are open."""


def marginal_cost(history: Sequence[Measured]) -> float | None:
    """Return what the next unit of reward costs, in nats of SFT loss per unit of reward.

    The rise of L over the rise of J, both over the last ``WINDOW`` measurements: their single
    changes are noisy, and a ratio of sums weighs them by how far they went. Where J does not rise,
    a rise of L costs infinitely much; a rise of L below ``NEGLIGIBLE`` costs 0. Below zero L fell
    while J rose. None for fewer than two measurements.
    """
    if len(history) < 2:
        return None
    first, last = history[-min(len(history), WINDOW + 1)], history[-1]
    rise, gain = last.loss - first.loss, last.reward - first.reward
    if gain > 0 and (rise < 0 or rise >= NEGLIGIBLE):
        return rise / gain
    return math.inf if rise >= NEGLIGIBLE else 0.0


class CouplingCallback(TrainerCallback):
    """Logs ``coupling/loss``, ``coupling/reward`` and ``coupling/kl_to_start`` of a training run.

    They go through the trainer's own log: to ``state.log_history``, to the terminal, and to what
    ``report_to`` names. ``coupling/nats_per_reward`` is the marginal cost where it is finite.
    Numbers have the precision that the model trains in. The start is the model as it is when
    ``train()`` is called, a resumed one too.
    """

    def __init__(
        self,
        task: str | Path | Task,
        *,
        every: int = 50,
        items: int = 128,
        nats_per_reward: float | None = None,
        data_dir: str | Path | None = None,
        prompts: str = "auto",
    ):
        """Measure a model on ``task`` while it trains.

        Args:
            task: a name (``cola`` needs ``data_dir``), the path of a ``task.toml``, or a loaded
                task, whose own prompt template is used.
            every: optimizer steps between two measurements; the start and the end are measured too.
            items: held-out items to measure on, evenly spaced; all of them if there are fewer.
            nats_per_reward: warn, once a crossing, when the next unit of reward costs more.
            data_dir: where CoLA's files lie.
            prompts: ``plain``, ``chat``, or ``auto``: chat if the tokenizer has a template.

        Raises:
            FileNotFoundError: a file of the task is missing.
            ValueError: an argument makes no sense.
        """
        if every < 1 or items < 1:
            raise ValueError(f"CouplingCallback: every={every}, items={items}; needed at least 1.")
        if nats_per_reward is not None and not nats_per_reward > 0:
            raise ValueError(
                f"CouplingCallback: nats_per_reward={nats_per_reward}, needed more than 0, or None "
                "for no warning."
            )
        if prompts not in PROMPTS:
            needed = ", ".join(PROMPTS)
            raise ValueError(f"CouplingCallback: prompts={prompts!r}, needed one of {needed}.")
        self.task = task if isinstance(task, Task) else _load(str(task), data_dir)
        self.every, self.items, self.prompts = every, items, prompts
        self.nats_per_reward = nats_per_reward
        self.history: list[Measured] = []
        self._expensive = False

    def on_train_begin(self, args, state, control, model=None, processing_class=None, **kwargs):
        """Measure the start, which the divergence is taken to."""
        tokenizer = getattr(processing_class, "tokenizer", processing_class)
        if tokenizer is None:
            raise ValueError(
                "CouplingCallback: the trainer has no tokenizer. Give it one: processing_class=..."
            )
        if is_deepspeed_zero3_enabled() or any(map(is_fsdp_managed_module, model.modules())):
            raise ValueError(
                "CouplingCallback: the weights are sharded (FSDP or ZeRO-3), and it measures whole "
                "models alone. Measure the checkpoints afterwards: coupling-bench measure"
            )
        self.history, self._expensive = [], False
        self._watch = Watch(self.task, self.items, model, tokenizer, self.prompts)
        self._start = self._watch.observe()
        self._add(state, self._start)

    def on_step_end(self, args, state, control, **kwargs):
        """Measure after every so many steps, and after the last."""
        if state.global_step % self.every and state.global_step != state.max_steps:
            return
        self._add(state, self._watch.observe())

    def _add(self, state: Any, seen: Observation) -> None:
        """Log a measurement, and warn where it says that reward has become dear."""
        found = Measured(
            step=state.global_step,
            loss=float(loss.loss_curve(seen)[-1]),
            reward=float(reward.reward_curve(seen)[-1]),
            kl_to_start=(
                float(divergence.kl_by_item(seen, self._start).mean()) if seen.closed else None
            ),
        )
        self.history.append(found)
        cost = marginal_cost(self.history)
        values = {
            "coupling/loss": found.loss,
            "coupling/reward": found.reward,
            "coupling/kl_to_start": found.kl_to_start,
            "coupling/nats_per_reward": cost if cost is not None and math.isfinite(cost) else None,
        }
        _log(state, {name: value for name, value in values.items() if value is not None})
        if self.nats_per_reward is not None and cost is not None:
            self.warn(state, cost, self.nats_per_reward)

    def warn(self, state: Any, cost: float, limit: float) -> None:
        """Warn where the marginal cost has risen above a limit since it was last measured."""
        crossed = cost > limit and not self._expensive
        self._expensive = cost > limit
        if crossed and state.is_world_process_zero:
            now = self.history[-1]
            what = f"the next unit of reward costs {cost:.3g} nats of SFT loss"
            if math.isinf(cost):
                what = "the SFT loss rises and the reward does not"
            warnings.warn(
                f"CouplingCallback: at step {now.step} {what} (L {now.loss:.4f}, J "
                f"{now.reward:.4f}; nats_per_reward={limit:g}). Stop here, lower the learning "
                "rate, or train on demonstrations as well.",
                stacklevel=2,
            )


def _load(name: str, data_dir: str | Path | None) -> Task:
    """Return a task as models from elsewhere get it."""
    spec = find_task(name, None if data_dir is None else Path(data_dir).expanduser())
    model = CheckpointSpec(name=NAME, folder="")
    return tasks.load(scales.recipe(model, spec, SCALE).task)


def _log(state: Any, values: dict[str, float]) -> None:
    """Log through the trainer that is running; without one into the state alone."""
    trainer = _running_trainer()
    if trainer is None:
        state.log_history.append({**values, "step": state.global_step})
        return
    wanted = trainer.control.should_log
    Trainer.log(trainer, values)  # TRL's own would also close the averages of its other metrics
    trainer.control.should_log = wanted  # which the log turns off: the trainer's own is to come


def _running_trainer() -> Trainer | None:
    """Return the trainer that called us: a callback is handed all that it has, but not itself."""
    frame = inspect.currentframe()
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, Trainer):
            return owner
        frame = frame.f_back
    return None
