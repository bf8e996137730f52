"""The null experiment: a stage at learning rate 0 is its start, to the bit."""

import numpy as np

from coupling_bench import theorem
from coupling_bench.measures.controls import beside_rl, greatest_change
from coupling_bench.measures.weights import distance


@theorem(
    "A stage at learning rate 0 leaves weights and answers as they were",
    cites="no theorem of a paper: the null experiment of this suite",
    assumes="RL and SFT after SFT, without weight decay",
)
def test_zero_learning_rate_changes_nothing(
    sft, sft_then_rl, sft_then_rl_at_zero_rate, sft_then_sft_at_zero_rate, prompts, check, table
):
    still = (sft_then_rl_at_zero_rate, sft_then_sft_at_zero_rate)
    for stage in (sft_then_rl, *still):
        table("controls", beside_rl(stage, sft, sft_then_rl, prompts))
    moved = [(distance(s, sft), greatest_change(s, sft, prompts)) for s in still]
    check(-np.array(moved), tolerance=0.0, unit="of weights, or nats")
