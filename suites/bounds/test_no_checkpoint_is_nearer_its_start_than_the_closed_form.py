"""Of all policies with a checkpoint's reward, the closed form is nearest the checkpoint's start."""

from coupling_bench import theorem
from coupling_bench.measures.theory import nearness, rows, starts


@theorem(
    "KL(checkpoint || start) >= KL(closed form || start), with the closed form at beta_eff",
    cites="derived: Eq. 8 of arXiv:2601.07389v1 has the least divergence of all with its reward",
    assumes="the checkpoint earns more than its start, and less than the most there is",
)
def test_no_checkpoint_is_nearer_its_start_than_the_closed_form(every_run, prompts, check, table):
    pairs = starts(every_run)
    table("policies", [row for runs, start in pairs for row in rows(runs, start, prompts)])
    found = [one for runs, start in pairs for one in nearness(runs, start, prompts)]
    check(
        [slack for _, slack in found],
        tolerance=1e-5,  # as of the bounds: probabilities are known to 1e-6
        unit="nats/sequence",
        where=[name for name, _ in found],
    )
