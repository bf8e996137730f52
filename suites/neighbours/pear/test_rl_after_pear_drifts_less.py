"""P3 of PEAR: RL has less far to go from where SFT with its weights has ended.

On ``grammar`` it has farther to go in its answers, as it starts from a lower score.
"""

import numpy as np
import pytest

from coupling_bench import claim, reverse_kl
from coupling_bench.measures import pear
from coupling_bench.measures.weights import distance
from coupling_bench.requirements import reward_rises
from coupling_bench.requirements.pear import alignment, score_change, weights_differ

CITES = "arXiv:2602.01058v1, drift of RL (second-hand)"
REQUIRES = [
    weights_differ("pear_sft"),
    reward_rises("short_sft", "short_sft_then_short_rl"),
    reward_rises("pear_sft", "pear_sft_then_rl"),
]
BESIDE = [
    score_change("pear_sft_then_rl", "short_sft_then_short_rl", "before"),
    score_change("pear_sft_then_rl", "short_sft_then_short_rl", "after"),
    alignment("pear_sft", "pear_sft_then_rl"),
    alignment("short_sft", "short_sft_then_short_rl"),
]


@claim(
    "RL after PEAR moves the weights less than after plain SFT",
    cites=CITES,
    decrease_by=0.05,
    unit="log ratio of ||theta_RL - theta_SFT||",
    requires=REQUIRES,
    beside=BESIDE,
    undecided="Adam's steps are as long as the learning rate says, wherever RL begins, so that "
    "what is left to find lies near the margin",
)
def test_rl_after_pear_moves_the_weights_less(
    base, short_sft, short_sft_then_short_rl, pear_sft, pear_sft_then_rl, prompts, decide, table
):
    table("pear_drift", pear.drift_rows(pear_sft_then_rl, pear_sft, base, prompts))
    table("pear_drift", pear.drift_rows(short_sft_then_short_rl, short_sft, base, prompts))
    decide(
        np.log(distance(pear_sft_then_rl, pear_sft) / distance(short_sft_then_short_rl, short_sft))
    )


@claim(
    "RL after PEAR moves the policy less than after plain SFT",
    cites=CITES,
    decrease_by=0.01,
    unit="E KL(end of RL || its start), nats/sequence",
    requires=REQUIRES,
    beside=BESIDE,
)
def test_rl_after_pear_moves_the_policy_less(
    short_sft, short_sft_then_short_rl, pear_sft, pear_sft_then_rl, prompts, decide
):
    after_pear = reverse_kl(pear_sft_then_rl, pear_sft, prompts)
    after_sft = reverse_kl(short_sft_then_short_rl, short_sft, prompts)
    if after_pear is None or after_sft is None:
        pytest.skip("the divergence is exact over a closed set of answers; these are open")
    decide(after_pear - after_sft)
