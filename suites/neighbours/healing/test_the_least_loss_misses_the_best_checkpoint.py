"""H2: the checkpoint of the least held-out loss is not the best one out of domain."""

from coupling_bench import claim
from coupling_bench.measures import healing
from coupling_bench.requirements import judges_sentences
from coupling_bench.requirements.healing import steps_to_least_loss


@claim(
    "The checkpoint of the least held-out loss is worse out of domain than the best checkpoint",
    cites="arXiv:2509.12235, the loss does not show OOD forgetting (H2)",
    increase_by=0.01,
    unit="accuracy out of domain, regret",
    requires=[judges_sentences("long_sft")],
    undecided="the regret is near its margin (0.017 [-0.004, 0.038] over five seeds, grammar)",
    beside=[steps_to_least_loss()],
)
def test_the_least_loss_misses_the_best_checkpoint(long_sft, decide):
    decide(healing.regret(long_sft))
