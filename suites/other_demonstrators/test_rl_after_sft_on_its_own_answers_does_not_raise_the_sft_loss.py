"""RL after SFT on answers that the RL policy has drawn itself does not raise the SFT loss.

Whatever the algorithm, the loss rises by 2 (J_RL - J_D)^2 / w^2 - epsilon or more; that asks for
nothing where the demonstrators earn what RL earns. RL that goes on may still move: by how much, the
margin of the other demonstrators says.
"""

from coupling_bench import claim
from coupling_bench.measures.demonstrators import demonstrators, loss_of_answers_of
from coupling_bench.requirements import converged, divergence, judges_sentences


@claim(
    "RL after SFT on the RL policy's own answers does not raise the SFT loss",
    cites="derived, against the wording of Theorem 3.1 of arXiv:2601.07389v1: the least rise, by "
    "Pinsker's inequality, is 0 where J_D is J_RL",
    not_increase_by=0.02,
    unit="nats/sequence",
    requires=[
        converged("rl", within=0.02),
        judges_sentences("rl_then_sft_own"),
        judges_sentences("rl_then_sft_own_then_rl"),
    ],
    beside=[divergence("rl", "rl_then_sft_own_then_rl")],
    undecided="RL that has nothing left to gain wanders by half of the margin, which three seeds "
    "do not resolve",
)
def test_rl_after_sft_on_its_own_answers_does_not_raise_the_sft_loss(
    rl, rl_then_sft_own, rl_then_sft_own_then_rl, prompts, decide, table
):
    taught, after = rl_then_sft_own, rl_then_sft_own_then_rl
    table("demonstrators", demonstrators("equal", taught, after, prompts, teacher=rl))
    decide(loss_of_answers_of(rl, after, prompts) - loss_of_answers_of(rl, taught, prompts))
