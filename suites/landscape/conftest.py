"""What several derived results are asked of: RL's flow beside SFT's, and RL's curves."""

import pytest

from coupling_bench.measures import duration, landscape_change


@pytest.fixture
def loss_changes(flow_sft, flow_sft_then_rl):
    """The change of the SFT loss along RL, with the constants of the SFT flow before it."""
    return landscape_change.changes(flow_sft_then_rl, flow_sft)


@pytest.fixture
def flow_curves(flow_sft_then_rl):
    """Reward and loss along RL's flow, on its own prompts."""
    return duration.of_flow(flow_sft_then_rl)


@pytest.fixture
def grpo_curves(sft_then_rl, demonstrations):
    """Reward and loss along GRPO, on held-out prompts."""
    return duration.of_training(sft_then_rl, demonstrations)
