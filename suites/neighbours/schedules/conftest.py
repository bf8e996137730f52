"""Both orders and joint training, and schedules that the user has written (``--pipeline``)."""

import pytest

from coupling_bench.pipelines import GROUPS
from coupling_bench.recording import BENCH
from coupling_bench.runs import Runs

NONE = 'name schedules of your own: --pipeline "sft:200,grpo:100,sft:50"'


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask of the user's own schedules what is asked of ours by night."""
    if "schedule" in metafunc.fixturenames:
        own = [*metafunc.config.stash[BENCH].pipelines]
        none = pytest.param("none", marks=pytest.mark.skip(reason=NONE))
        metafunc.parametrize("schedule", own or [none])


@pytest.fixture
def schedules(node) -> list[Runs]:
    """Both orders and joint training, which spend the same compute."""
    return [node(name) for name in GROUPS["schedules"]]


@pytest.fixture
def own_schedules(request, node) -> list[Runs]:
    """The user's own schedules, whatever they spend."""
    return [node(name) for name in request.config.stash[BENCH].pipelines]


@pytest.fixture
def orders(short_sft_then_rl, short_rl_then_sft) -> list[Runs]:
    """SFT then RL, and RL then SFT, as long as the other schedules."""
    return [short_sft_then_rl, short_rl_then_sft]
