"""Trainers that take one optimizer step when they are told to, so that two can take turns."""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch
from torch.profiler import profile
from transformers import PrinterCallback, Trainer, TrainerCallback

from suites.perf import counting

PATIENCE = 300.0


class Stepper(TrainerCallback):
    """Runs a trainer's own loop in a thread and stops it between two optimizer steps.

    A step holds all that the trainer does for it: loading its rows, sampling, rewards, loss,
    gradient, optimizer and log.
    """

    def __init__(self, build: Callable[[list[TrainerCallback]], Trainer], threads: int):
        """Build the trainer, start its loop and wait before the first step."""
        self.go, self.done = threading.Semaphore(0), threading.Semaphore(0)
        self.failure: BaseException | None = None
        self.stopping = False
        self.profiler: profile | None = None
        self.trainer = build([self])
        self.trainer.remove_callback(PrinterCallback)
        self.thread = threading.Thread(target=self._train, args=(threads,), daemon=True)
        self.thread.start()
        self._wait()

    def __call__(self) -> None:
        """Take one optimizer step."""
        self.go.release()
        self._wait()

    def peak_bytes(self) -> int:
        """Take one optimizer step and return the most bytes of tensors that it had alive."""
        self.profiler = counting.memory_profile()  # it sees the thread that enters it, no other
        self()
        found, self.profiler = counting.peak_of(self.profiler), None
        return found

    def close(self) -> None:
        """End the loop."""
        self.stopping = True
        self.go.release()
        self.thread.join(PATIENCE)
        if self.failure is not None:
            raise self.failure

    def on_train_begin(self, args, state, control, **kwargs):  # noqa: D102
        self._pause()

    def on_log(self, args, state, control, logs=None, **kwargs):  # noqa: D102
        if self.profiler is not None:
            self.profiler.__exit__(None, None, None)
        if not self.stopping:  # the trainer logs once more when it ends
            self._pause()
            control.should_training_stop = self.stopping

    def _pause(self) -> None:
        self.done.release()
        self.go.acquire()
        if self.profiler is not None:
            self.profiler.__enter__()

    def _wait(self) -> None:
        if not self.done.acquire(timeout=PATIENCE):
            raise TimeoutError(f"a training step took more than {PATIENCE:.0f} s.")
        if self.failure is not None:
            raise self.failure

    def _train(self, threads: int) -> None:
        torch.set_num_threads(threads)  # a setting of each thread
        try:
            self.trainer.train()
        except BaseException as error:
            self.failure = error
        finally:
            self.done.release()
