"""Flows of the reward from checkpoints of the SFT flow, the base first."""

import pytest

from coupling_bench.measures import alignment, non_decoupling
from coupling_bench.runs import Runs


@pytest.fixture
def starts(
    flow_rl, flow_sft_5_then_rl, flow_sft_25_then_rl, flow_sft_100_then_rl, flow_sft_then_rl
) -> list[Runs]:
    """RL from the base, from SFT checkpoints on the way, and from the end of SFT."""
    on_the_way = [flow_sft_5_then_rl, flow_sft_25_then_rl, flow_sft_100_then_rl]
    return [flow_rl, *on_the_way, flow_sft_then_rl]


@pytest.fixture
def cells(starts, flow_sft) -> list[non_decoupling.Cell]:
    """RL of every length from each of them."""
    return [cell for runs in starts for cell in non_decoupling.cells(runs, flow_sft)]


@pytest.fixture
def alignments(starts) -> list[alignment.Alignment]:
    """How the gradients lie at each of them."""
    return [one for runs in starts for one in alignment.alignments(runs)]


@pytest.fixture
def damages(starts) -> list[alignment.Damage]:
    """The moves of RL from each of them."""
    return [one for runs in starts for one in alignment.damages(runs)]
