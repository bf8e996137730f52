"""How many steps of what a policy derives are right: beside the reward, which asks for the end."""

from __future__ import annotations

import numpy as np

from coupling_bench import tasks
from coupling_bench.runs import Array, Runs, Split, observe
from coupling_bench.specs import ArithmeticSpec
from coupling_bench.verifiers.derivations import share_of_right_steps


def step_accuracy(runs: Runs, prompts: Split) -> Array | None:
    """Share of the steps that are right of one sampled completion a prompt, 0 to 1, ``(S,)``.

    By the paper's protocol, as ``mean_at_1``. A slip that is carried on is one wrong step, and what
    is no step counts as a wrong one. None where answers are no derivations.
    """
    if not isinstance(runs.task, ArithmeticSpec):
        return None
    hands = [item.columns["values"] for item in tasks.load(runs.task).splits[prompts.name]]
    return np.array(
        [
            np.mean(
                [
                    share_of_right_steps(values, text)
                    for values, text in zip(hands, seen.completions[-1], strict=True)
                ]
            )
            for seen in observe(runs, prompts)
        ]
    )
