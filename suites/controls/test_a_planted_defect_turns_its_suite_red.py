"""A suite that stays green when reward, mask or labels are broken would be blind.

A defect leaves a claim without its requirements, which by itself is a test that is skipped. It is
red because the verdict is no longer the one that was accepted.
"""

import pytest

from coupling_bench import replaying, theorem

RL_RAISES = "test_rl_after_sft_raises_the_sft_loss"
SFT_LOWERS = "test_sft_after_rl_lowers_the_expected_reward"


def planted(where: str, suite: str, stage: str, defective: str):
    """A suite, the stage that is replaced, and its defective twin."""
    says = theorem(
        f"A defect planted in the {where} turns its suite red",
        cites="no theorem of a paper: the positive control of this suite",
        assumes=f"{suite} is green and so accepted, and {defective} stands for {stage}",
    )
    return pytest.param(suite, stage, defective, id=where, marks=says)


@pytest.mark.parametrize(
    ("suite", "stage", "defective"),
    [
        planted("reward", RL_RAISES, "sft_then_rl", "sft_then_rl_with_shuffled_rewards"),
        planted("mask", RL_RAISES, "sft", "sft_with_masked_answers"),
        planted("labels", SFT_LOWERS, "rl_then_sft", "rl_then_sft_with_wrong_labels"),
    ],
)
def test_a_planted_defect_turns_its_suite_red(
    base, sft, sft_then_rl, rl, rl_then_sft, node, suite, stage, defective, green, replay, check,
    table,
):  # fmt: skip
    green(suite)
    decision = replay(suite, accepted="supported", **{stage: node(defective)})
    table("defects", [replaying.row(defective, decision)])
    check(
        [1.0 if decision.outcome == "failed" else -1.0],
        tolerance=0.0,
        unit="(1: red, -1: not)",
        where=[decision.message],
    )
