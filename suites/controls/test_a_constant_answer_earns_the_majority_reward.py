"""A policy that always gives one answer earns the majority reward, and judges nothing."""

import numpy as np

from coupling_bench import expected_reward, mcc, theorem
from coupling_bench.measures.ability import majority_reward
from coupling_bench.runs import observe


@theorem(
    "A constant answer earns the majority reward and has an MCC of 0",
    cites="no theorem of a paper: what a reward alone cannot tell from an ability",
    assumes="the answer that earns the most, given with probability 1 - 1e-6",
)
def test_a_constant_answer_earns_the_majority_reward(base, prompts, always_one_answer, check):
    constant = always_one_answer(base)
    majority = [majority_reward(seen) for seen in observe(base, prompts)]
    off = [expected_reward(constant, prompts) - majority, mcc(constant, prompts)]
    check(-np.abs(off), tolerance=1e-5, unit="reward, or MCC")
