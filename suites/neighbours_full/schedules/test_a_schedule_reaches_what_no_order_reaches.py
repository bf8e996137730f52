"""Is there another way to put SFT and RL after each other that is ahead of both orders?

Asked of SFT and RL in turns, and of SFT on likely demonstrations alone before RL.
"""

import pytest

from coupling_bench import claim
from coupling_bench.measures import fronts
from coupling_bench.requirements.schedules import orders_end_apart


@claim(
    "{schedule} reaches a (loss, reward) point that neither order reaches",
    cites="no claim of a paper: SFT and RL as arXiv:2601.07389v1 trains them, in other schedules",
    increase_by=1 / 20,
    unit="share of what the two orders differ by",
    requires=orders_end_apart(),
    undecided="what turns and likely demonstrations gain lies at the margin itself, about 0.05, "
    "which few seeds do not tell it from",
)
@pytest.mark.parametrize("schedule", ["interleaved", "likely_sft_then_rl"])
def test_a_schedule_reaches_what_no_order_reaches(orders, node, schedule, prompts, decide):
    decide(fronts.beyond([node(schedule)], orders, orders, prompts))
