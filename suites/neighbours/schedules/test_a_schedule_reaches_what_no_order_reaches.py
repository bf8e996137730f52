"""Is a schedule of the user's own (``--pipeline``) ahead of both orders?

It has the compute that it asks for. Ours are asked by night (``suites/neighbours_full``).
"""

from coupling_bench import claim
from coupling_bench.measures import fronts
from coupling_bench.requirements.schedules import orders_end_apart


@claim(
    "{schedule} reaches a (loss, reward) point that neither order reaches",
    cites="no claim of a paper: SFT and RL as arXiv:2601.07389v1 trains them, in other schedules",
    increase_by=1 / 20,
    unit="share of what the two orders differ by",
    requires=orders_end_apart(),
)
def test_a_schedule_reaches_what_no_order_reaches(orders, node, schedule, prompts, decide):
    decide(fronts.beyond([node(schedule)], orders, orders, prompts))
