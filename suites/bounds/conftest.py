"""What no two checkpoints can break: every run that there is, and every pair."""

import pytest

from coupling_bench.measures.pairs import Checkpoints, along, at_the_end


@pytest.fixture(scope="session", autouse=True)
def closed_answers(node):
    """Skip where there is no list of all answers, so that no divergence is exact."""
    if node("base").task.answers is None:
        pytest.skip("the bounds are checked of policies on a closed set of answers")


@pytest.fixture(scope="session")
def every_pair(every_run, prompts) -> list[Checkpoints]:
    """The snapshots of each run, and the final checkpoints of all runs on the same prompts."""
    within = [these for runs in every_run for these in along(runs, prompts)]
    return [*within, *at_the_end(every_run, prompts)]
