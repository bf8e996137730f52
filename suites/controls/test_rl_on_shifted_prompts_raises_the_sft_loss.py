"""RL on kinds of prompts that SFT never saw: Assumption 1, one distribution of prompts, broken."""

from coupling_bench import claim, sft_loss
from coupling_bench.measures.controls import beside_rl
from coupling_bench.requirements import (
    exact_reward_change,
    judges_sentences,
    loss_change_ratio,
    near_optimum,
)


@claim(
    "RL on other kinds of prompts than SFT's raises the SFT loss",
    cites="no claim of the paper: arXiv:2601.07389v1, Theorem 3.1, without its Assumption 1",
    increase_by=0.02,
    unit="nats/sequence",
    requires=[
        near_optimum("sft", below=0.02),
        judges_sentences("sft_then_rl_on_shifted_prompts"),
    ],
    beside=[
        exact_reward_change("sft", "sft_then_rl_on_shifted_prompts"),
        loss_change_ratio("sft", "sft_then_rl", "sft_then_rl_on_shifted_prompts"),
    ],
)
def test_rl_on_shifted_prompts_raises_the_sft_loss(
    sft, sft_then_rl, sft_then_rl_on_shifted_prompts, demonstrations, decide, table
):
    table("controls", beside_rl(sft_then_rl_on_shifted_prompts, sft, sft_then_rl, demonstrations))
    decide(sft_loss(sft_then_rl_on_shifted_prompts, demonstrations) - sft_loss(sft, demonstrations))
