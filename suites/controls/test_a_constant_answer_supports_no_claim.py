"""No claim of the paper comes out supported by a policy that always gives one answer."""

from coupling_bench import theorem
from coupling_bench.replaying import redness

LAST_STAGE = {
    "test_rl_after_sft_raises_the_sft_loss": "sft_then_rl",
    "test_rl_after_sft_raises_the_sft_loss_above_the_base": "sft_then_rl",
    "test_sft_after_rl_lowers_the_expected_reward": "rl_then_sft",
    "test_sft_after_rl_lowers_the_reward_below_the_base": "rl_then_sft",
}
"""Suites, and the stage that is given the constant answer."""


@theorem(
    "A constant answer supports no claim",
    cites="no theorem of a paper: what the requirement of an MCC above 0 is for",
    assumes="the last stage of each claim always gives the answer that earns the most",
)
def test_a_constant_answer_supports_no_claim(
    base, sft, sft_then_rl, rl, rl_then_sft, node, always_one_answer, replay, check
):
    decided = [
        replay(suite, **{stage: always_one_answer(node(stage))})
        for suite, stage in LAST_STAGE.items()
    ]
    check(
        [redness(decision) for decision in decided],
        tolerance=0.0,
        unit="(1: not green, -1: green)",
        where=[decision.message for decision in decided],
    )
