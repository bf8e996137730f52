"""What lm-eval finds of a checkpoint: scores of any of its tasks."""

from __future__ import annotations

import numpy as np

from coupling_bench.runs import Array, Runs, evaluations

PREFERRED = ("acc", "exact_match", "mean_at_1")


def lm_eval_score(runs: Runs, lm_eval_task: str, metric: str | None = None) -> Array:
    """Score of the final checkpoints on one task or group of lm-eval, ``(S,)``.

    In the metric's own unit, a mean over the task's items as lm-eval takes it. The same items for
    every checkpoint, so that differences are paired.

    Args:
        runs: of a node that was evaluated on the task.
        lm_eval_task: the name of a task or group.
        metric: its name; None: accuracy, else an exact match, else the task's first.

    Raises:
        ValueError: the task has no such metric.
    """
    scores = [found["scores"][lm_eval_task] for found in evaluations(runs, lm_eval_task)]
    known = list(scores[0])
    chosen = metric or next((name for name in PREFERRED if name in known), known[0])
    if chosen not in known:
        raise ValueError(
            f"lm-eval: {lm_eval_task} has no metric {chosen!r}; it has {', '.join(known)}."
        )
    return np.array([of_seed[chosen] for of_seed in scores])
