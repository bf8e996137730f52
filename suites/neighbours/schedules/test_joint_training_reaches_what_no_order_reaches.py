"""Does training on both losses at once reach what neither order of the two stages reaches?

The papers that couple the stages say so; arXiv:2604.23747 says that their comparisons were with
baselines that two defects of trainers had weakened, and that SFT then RL is ahead. Both are asked,
of any moment of either side, at equal compute (``pipelines.schedules``); ``measures.fronts`` says
how the best of several is chosen without overrating it. The margin is a twentieth of what the two
orders differ by, in loss or in reward.

On ``grammar`` three seeds leave the first open and support the second: what SFT then RL has beyond
is reward, which a joint stage of as many steps at these weights does not come to.
"""

from coupling_bench import claim
from coupling_bench.measures import fronts
from coupling_bench.requirements import exact_reward_change, loss_change, reward_rises
from coupling_bench.requirements.schedules import against_the_orders, orders_end_apart

UNIT = "share of what the two orders differ by"


@claim(
    "Joint training reaches a (loss, reward) point that no sequential order reaches",
    cites="arXiv:2601.07389v1 (the two are to be treated jointly); CHORD, arXiv:2508.11408",
    increase_by=1 / 20,
    unit=UNIT,
    requires=[*orders_end_apart(), reward_rises("base", "joint")],
    beside=[*against_the_orders("joint"), *against_the_orders("joint_annealed")],
    undecided="three seeds lie between 0.01 and 0.12 around the margin, and some 90 would decide",
)
def test_joint_training_reaches_what_no_order_reaches(
    orders, joint, joint_annealed, schedules, own_schedules, prompts, decide, table
):
    table("schedules", fronts.points([*schedules, *own_schedules], prompts))
    decide(fronts.beyond([joint, joint_annealed], orders, orders, prompts))


@claim(
    "SFT then RL reaches a (loss, reward) point that no joint training reaches",
    cites="arXiv:2604.23747, SFT-then-RL Outperforms Mixed-Policy",
    increase_by=1 / 20,
    unit=UNIT,
    requires=[*orders_end_apart(), reward_rises("base", "short_sft_then_rl")],
    beside=[
        view(joint, "short_sft_then_rl")
        for joint in ("joint", "joint_annealed")
        for view in (loss_change, exact_reward_change)
    ],
)
def test_sft_then_rl_reaches_what_no_joint_training_reaches(
    orders, short_sft_then_rl, joint, joint_annealed, prompts, decide
):
    decide(fronts.beyond([short_sft_then_rl], [joint, joint_annealed], orders, prompts))
