"""Parsing answers, and the trap that "unacceptable" contains "acceptable"."""

import pytest

from coupling_bench.answers import parse_robust, parse_strict
from coupling_bench.tasks import render

ANSWERS = ("acceptable", "unacceptable")


@pytest.mark.parametrize(
    ("text", "strict", "robust"),
    [
        ("acceptable", 0, 0),
        ("unacceptable", 1, 1),
        (" acceptable", None, 0),
        ("Unacceptable.", None, 1),
        ("It is acceptable, no: unacceptable", None, 1),
        ("unacceptable, or rather acceptable", None, 0),
        ("unacceptable unacceptable", None, 1),
        ("acceptableness", None, None),
        ("", None, None),
        ("yes", None, None),
    ],
)
def test_strict_wants_the_letter_and_robust_takes_the_last_label_as_a_word(text, strict, robust):
    assert parse_strict(text, ANSWERS) == strict
    assert parse_robust(text, ANSWERS) == robust


def test_a_naive_search_for_the_last_label_falls_into_the_trap():
    """The control: str.rfind answers "acceptable" on "unacceptable", two letters further right."""
    text = "unacceptable"
    naive = max(range(2), key=lambda i: text.rfind(ANSWERS[i]))
    assert naive == 0
    assert parse_robust(text, ANSWERS) == 1


def test_always_acceptable_earns_the_majority_reward():
    """365 of CoLA's 527 in-domain dev sentences are acceptable: 0.3852, the paper's base level."""
    truths = [0] * 365 + [1] * 162
    earned = [1 if parse_robust("acceptable", ANSWERS) == t else -1 for t in truths]
    assert sum(earned) / len(earned) == pytest.approx(0.3852, abs=1e-4)


def test_braces_in_a_sentence_are_text():
    assert render("{sentence}\n", "a {0} {sentence} b") == "a {0} {sentence} b\n"
