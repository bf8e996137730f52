"""Of all policies with a stage's reward, the closed form is nearest the stage's start."""

from coupling_bench import theorem
from coupling_bench.measures.moves import moves, row


@theorem(
    "E KL(end || start) >= E KL(closed form || start), with the closed form at beta_eff",
    cites="derived: Eq. 8 of arXiv:2601.07389v1 has the least divergence of all with its reward",
    assumes="the stage's end earns more than its start, and less than the most there is",
)
def test_no_stage_ends_nearer_its_start_than_the_closed_form(every_run, prompts, check, table):
    found = moves(every_run, prompts)
    table("policies", map(row, found))
    told = [move for move in found if move.closed_form is not None]
    check(
        [move.excess_divergence for move in told],
        tolerance=1e-5,  # probabilities add up to one within 1e-6 in fp32; ten times that
        unit="nats/sequence",
        where=[move.name for move in told],
    )
