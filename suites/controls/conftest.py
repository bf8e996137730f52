"""What the controls need besides stages: suites on other runs, and policies nobody trained."""

import importlib
from collections.abc import Callable

import pytest

from coupling_bench import replaying, synthetic
from coupling_bench.deciding import Decision
from coupling_bench.measures.ability import constant_answer
from coupling_bench.runs import Runs


@pytest.fixture
def replay(node) -> Callable[..., Decision]:
    """Decide the claim of a suite, by its file's name, on other runs of the nodes that are named.

    What it would have added to the record is left out.
    """

    def replay(suite: str, accepted: str | None = None, **replaced: Runs) -> Decision:
        test = getattr(importlib.import_module(f"suites.{suite}"), suite)
        return replaying.replay(test, node, replaced, accepted)

    return replay


@pytest.fixture
def green(replay) -> Callable[[str], None]:
    """Skip where a suite is not green on the runs as they are."""

    def green(suite: str) -> None:
        decision = replay(suite)
        if replaying.is_green(decision):
            return
        pytest.skip(f"no defect can turn a suite that is not green: {decision.message}")

    return green


@pytest.fixture
def always_one_answer(tmp_path) -> Callable[[Runs], Runs]:
    """The same runs as if their policy always gave the one answer that earns the most."""

    def always(runs: Runs) -> Runs:
        if runs.task.answers is None:
            pytest.skip("a constant answer needs a closed set of answers")
        return synthetic.instead(
            runs, lambda seen: synthetic.always(seen, constant_answer(seen)), tmp_path / runs.node
        )

    return always
