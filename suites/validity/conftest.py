"""The cells of the part of the map that a default run trains."""

from collections.abc import Callable

import pytest

from coupling_bench.measures import validity
from coupling_bench.pipelines.validity import SMALL
from coupling_bench.runs import Runs


@pytest.fixture(scope="session")
def loss_cells(node: Callable[[str], Runs]) -> list[validity.LossCell]:
    """RL after SFT on demonstrators of several label noises, for several steps of either."""
    return [
        cell
        for (noise, step), name in SMALL.sft_then_rl().items()
        for cell in validity.loss_cells(node(name), noise, step)
    ]


@pytest.fixture(scope="session")
def reward_cells(node: Callable[[str], Runs]) -> list[validity.RewardCell]:
    """SFT on demonstrators of several label noises, after several steps of RL."""
    return [
        cell
        for (noise, step), name in SMALL.rl_then_sft().items()
        for cell in validity.reward_cells(node(name), noise, step)
    ]


@pytest.fixture(scope="session")
def size(node: Callable[[str], Runs]) -> int:
    """Number of the model's parameters."""
    return validity.size(node("map_rl"))
