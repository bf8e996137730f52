"""The schedules that are compared, and those that the user has written (``--pipeline``)."""

import pytest

from coupling_bench.pipelines import GROUPS
from coupling_bench.recording import BENCH
from coupling_bench.runs import Runs

JUDGED = ("interleaved", "likely_sft_then_rl")
"""Schedules that are asked one by one whether they reach what no order reaches."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask the same of the user's own."""
    if "schedule" in metafunc.fixturenames:
        own = metafunc.config.stash[BENCH].pipelines
        metafunc.parametrize("schedule", [*JUDGED, *own])


@pytest.fixture
def schedules(node) -> list[Runs]:
    """Every schedule that spends the whole of the compute."""
    return [node(name) for name in GROUPS["schedules"]]


@pytest.fixture
def own_schedules(request, node) -> list[Runs]:
    """The user's own schedules, whatever they spend."""
    return [node(name) for name in request.config.stash[BENCH].pipelines]


@pytest.fixture
def orders(short_sft_then_rl, short_rl_then_sft) -> list[Runs]:
    """SFT then RL, and RL then SFT, as long as the other schedules."""
    return [short_sft_then_rl, short_rl_then_sft]
