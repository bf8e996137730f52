"""What several derived results are asked of: RL's flow beside SFT's."""

import pytest

from coupling_bench.measures import landscape_change


@pytest.fixture
def loss_changes(flow_sft, flow_sft_then_rl):
    """The change of the SFT loss along RL, with the constants of the SFT flow before it."""
    return landscape_change.changes(flow_sft_then_rl, flow_sft)
