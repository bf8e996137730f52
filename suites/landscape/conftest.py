"""What several derived results are asked of: flows of the reward beside SFT's."""

import pytest

from coupling_bench.measures import alignment, landscape_change, non_decoupling
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


@pytest.fixture
def loss_changes(flow_sft, flow_sft_then_rl):
    """The change of the SFT loss along RL, with the constants of the SFT flow before it."""
    return landscape_change.changes(flow_sft_then_rl, flow_sft)
