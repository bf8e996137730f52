"""The front of every schedule: ten joint ones against eight that put stages after each other.

As in ``suites/neighbours/schedules``, with more on both sides. ``measures.fronts`` chooses on other
seeds and items than it scores on.
"""

from coupling_bench import claim
from coupling_bench.measures import fronts
from coupling_bench.requirements.schedules import orders_end_apart

UNIT = "share of what the two orders differ by"


@claim(
    "Joint training with some weight reaches a (loss, reward) point that no sequence reaches",
    cites="arXiv:2601.07389v1 (the two are to be treated jointly); CHORD, arXiv:2508.11408",
    increase_by=1 / 20,
    unit=UNIT,
    requires=orders_end_apart(),
    undecided="seeds differ in what a joint stage reaches: three lie between -0.012 and +0.060 on "
    "grammar, and between +0.031 and +0.138 on arithmetic",
)
def test_joint_training_reaches_what_no_sequence_reaches(
    every_joint, every_sequence, orders, schedules, other_schedules, joint_sweep, held_sweep,
    sequences, prompts, decide, table,
):  # fmt: skip
    others = [*other_schedules, *joint_sweep, *held_sweep, *sequences]
    table("schedules", fronts.points([*schedules, *others], prompts))
    decide(fronts.beyond(every_joint, every_sequence, orders, prompts))


@claim(
    "Some sequence of stages reaches a (loss, reward) point that no joint training reaches",
    cites="arXiv:2604.23747, SFT-then-RL Outperforms Mixed-Policy",
    increase_by=1 / 20,
    unit=UNIT,
    requires=orders_end_apart(),
)
def test_a_sequence_reaches_what_no_joint_training_reaches(
    every_joint, every_sequence, orders, prompts, decide
):
    decide(fronts.beyond(every_sequence, every_joint, orders, prompts))


@claim(
    "RL held to SFT reaches a (loss, reward) point that no joint training and no order reaches",
    cites="arXiv:2510.18874 (Retaining by Doing)",
    increase_by=1 / 20,
    unit=UNIT,
    requires=orders_end_apart(),
    undecided="seeds differ in what RL held to SFT reaches: three lie between +0.011 and +0.041 on "
    "grammar, and between +0.024 and +0.258 on arithmetic",
)
def test_rl_held_to_sft_reaches_what_others_do_not(
    every_joint, orders, sft_then_rl_with_kl, sft_then_rl_with_replay, held_sweep, prompts, decide
):
    ours = [sft_then_rl_with_kl, sft_then_rl_with_replay, *held_sweep]
    decide(fronts.beyond(ours, [*orders, *every_joint], orders, prompts))
