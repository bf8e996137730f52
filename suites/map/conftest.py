"""The cells of the map of validity, a part of it or the whole."""

from collections.abc import Callable

import pytest

from coupling_bench.measures import validity
from coupling_bench.pipelines.validity import PARTS, WHOLE, Grid, penalised, sampled
from coupling_bench.runs import Runs


@pytest.fixture(scope="session")
def grid(part: str) -> Grid:
    """Which cells a test looks at: its parameter ``part``, by which its nodes are known too."""
    return PARTS[part]


@pytest.fixture(scope="session")
def loss_cells(node: Callable[[str], Runs], grid: Grid) -> list[validity.LossCell]:
    """RL after SFT on demonstrators of several label noises, for several steps of either."""
    return [
        cell
        for (noise, step), name in grid.sft_then_rl().items()
        for cell in validity.loss_cells(node(name), noise, step)
    ]


@pytest.fixture(scope="session")
def reward_cells(node: Callable[[str], Runs], grid: Grid) -> list[validity.RewardCell]:
    """SFT on demonstrators of several label noises, after several steps of RL."""
    return [
        cell
        for (noise, step), name in grid.rl_then_sft().items()
        for cell in validity.reward_cells(node(name), noise, step)
    ]


@pytest.fixture(scope="session")
def size(node: Callable[[str], Runs]) -> int:
    """Number of the model's parameters."""
    return validity.size(node("map_rl"))


@pytest.fixture(scope="session")
def penalised_cells(node: Callable[[str], Runs]) -> list[validity.LossCell]:
    """RL from the base with KL penalties, against the demonstrators of every label noise."""
    return [
        cell
        for beta, name in penalised().items()
        for noise in WHOLE.noises
        for cell in validity.loss_cells(node(name), noise, 0, beta=beta)
    ]


@pytest.fixture(scope="session")
def grpo_cells(node: Callable[[str], Runs]) -> list[validity.LossCell]:
    """GRPO in some of the cells."""
    return [
        cell
        for (noise, step), name in sampled().items()
        for cell in validity.loss_cells(node(name), noise, step, trainer="GRPO")
    ]
