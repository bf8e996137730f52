"""How far a policy went from the base says how much it has forgotten, whatever took it there.

On `grammar` it does not: SFT on annotators who err and RL on a verifier go equally far in opposite
directions, the one to doubt and the other to certainty, and out of domain doubt costs answers that
certainty wins back.
"""

import pytest

from coupling_bench import claim
from coupling_bench.measures.razor import of_choices
from coupling_bench.measures.razor_fits import fit_rows, point_rows, r_squared, rank_correlation
from coupling_bench.pipelines.razor import COMPARED
from coupling_bench.requirements.forgetting import (
    beside,
    each_seed,
    knows_out_of_domain,
    something_is_forgotten,
)

SOURCE = "arXiv:2509.04259, RL's Razor, at second hand"
PAPERS_LEAST = 0.71
"""R squared of the paper's quadratic fit to language models; of its toy, ParityMNIST, .96."""
REQUIRED = (knows_out_of_domain("base"), something_is_forgotten(COMPARED, above=0.02))
RANKS = "1: who goes farther forgets more, in whatever form; -1: forgets less"


@pytest.fixture
def tell(table):
    """Put points and fits into the record: of what claims are judged by, and of the session."""

    def tell(compared, of_session, answers):
        table("razor", point_rows(of_session, answers=answers))
        for over, points in (("session", of_session), ("claims", compared)):
            table("razor_fits", fit_rows(points, answers=answers, over=over))

    return tell


@claim(
    "Forgetting is a quadratic function of the forward KL from the base, whatever the algorithm",
    cites=SOURCE,
    increase_by=PAPERS_LEAST,
    unit="R squared",
    requires=REQUIRED,
    beside=[
        beside("rank correlation", "Spearman's rho", COMPARED, rank_correlation, note=RANKS),
        beside("R squared of a line through the origin", "R squared", COMPARED,
               lambda points: r_squared(points, "linear")),
    ],
)  # fmt: skip
def test_forgetting_is_a_function_of_forward_kl(compared, of_session, decide, tell):
    tell(compared, of_session, "sampled answers")
    decide(each_seed(r_squared, compared))


@claim(
    "What is forgotten of the likeliest answers is a quadratic function of the forward KL from the "
    "base, whatever the algorithm",
    cites=SOURCE,
    increase_by=PAPERS_LEAST,
    unit="R squared",
    requires=REQUIRED,
    beside=[
        beside("rank correlation", "Spearman's rho", COMPARED,
               lambda points: rank_correlation(of_choices(points)), note=RANKS),
        beside("R squared of a line through the origin", "R squared", COMPARED,
               lambda points: r_squared(of_choices(points), "linear")),
    ],
)  # fmt: skip
def test_forgetting_of_choices_is_a_function_of_forward_kl(
    compared_choices, of_session, decide, tell
):
    tell(compared_choices, of_choices(of_session), "likeliest answers")
    decide(each_seed(r_squared, compared_choices))
