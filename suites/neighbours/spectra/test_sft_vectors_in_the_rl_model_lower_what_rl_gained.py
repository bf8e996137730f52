"""H6 the other way round: SFT's singular vectors, put into the model after RL, undo what RL gained.

On held-out items of the domain, where RL gains here. The controls are those of the restoration: the
same matrices put back as a whole, and a random change of the same norm. On grammar a twentieth of
RL's gain is undone, by the whole matrices too: the rest stays with the weights that are not among
these four kinds (embeddings, outputs of attention, gates), which keep what RL made of them. On CoLA
nothing is undone: there RL learns little but the commoner label, which needs none of the four.
"""

import pytest

from coupling_bench import claim
from coupling_bench.measures import spectra
from coupling_bench.requirements import reward_rises
from coupling_bench.requirements.spectra import length_of_edit

SOURCE = "arXiv:2509.12235, SFT's singular vectors in the RL model (H6)"
CONTROL = "no claim of the paper: a control of its reverse edit (H6)"
RL_GAINS = reward_rises("sft", "sft_then_rl")


@pytest.fixture
def changed(sft_then_rl, prompts, table):
    """What an edit of the model after RL does to its accuracy on held-out items, by seed."""

    def changed(edit):
        found = spectra.accuracy(edit, prompts) - spectra.accuracy(sft_then_rl, prompts)
        table("edits", spectra.edit_rows(edit, found, "sft_then_rl, in domain"))
        return found

    return changed


@claim(
    "SFT's singular vectors, put into the model after RL, lower what RL gained",
    cites=SOURCE,
    decrease_by=0.01,
    unit="accuracy",
    requires=[RL_GAINS],
    beside=[length_of_edit("sft_then_rl_with_sft_vectors")],
    undecided="on arithmetic they lower it by 0.018 to 0.037, and 5 seeds would decide",
)
def test_sft_vectors_lower_what_rl_gained(sft_then_rl_with_sft_vectors, changed, decide):
    decide(changed(sft_then_rl_with_sft_vectors))


@claim(
    "SFT's singular vectors lower what RL gained neither more nor less than SFT's matrices do",
    cites=CONTROL,
    equal_within=0.01,
    unit="accuracy, difference",
    requires=[RL_GAINS],
    beside=[length_of_edit("sft_then_rl_with_sft_matrices")],
    undecided="on arithmetic answers are sampled, and the difference is as large as their noise",
)
def test_sft_vectors_lower_what_whole_matrices_lower(
    sft_then_rl_with_sft_vectors, sft_then_rl_with_sft_matrices, changed, decide
):
    decide(changed(sft_then_rl_with_sft_vectors) - changed(sft_then_rl_with_sft_matrices))


@claim(
    "SFT's singular vectors lower what RL gained more than a random change of the same norm does",
    cites=CONTROL,
    decrease_by=0.01,
    unit="accuracy, difference",
    requires=[RL_GAINS],
    beside=[length_of_edit("sft_then_rl_with_random_change")],
)
def test_sft_vectors_lower_it_more_than_a_random_change(
    sft_then_rl_with_sft_vectors, sft_then_rl_with_random_change, changed, decide
):
    decide(changed(sft_then_rl_with_sft_vectors) - changed(sft_then_rl_with_random_change))
