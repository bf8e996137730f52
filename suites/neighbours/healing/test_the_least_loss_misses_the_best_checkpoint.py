"""H2: the checkpoint of the least held-out loss is not the best one out of domain."""

from coupling_bench import claim
from coupling_bench.healing_requirements import steps_to_least_loss
from coupling_bench.measures import healing


@claim(
    "The checkpoint of the least held-out loss is worse out of domain than the best checkpoint",
    cites="arXiv:2509.12235v1, the loss does not show OOD forgetting (H2)",
    increase_by=0.01,
    unit="accuracy out of domain, regret",
    beside=[steps_to_least_loss()],
)
def test_the_least_loss_misses_the_best_checkpoint(long_sft, decide):
    decide(healing.regret(long_sft))
