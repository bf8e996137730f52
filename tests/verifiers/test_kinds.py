"""The verifiers of the house, each against an independent reading of what it says it accepts."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench import verifiers
from coupling_bench.tasks import Item
from coupling_bench.verifiers.kinds import KINDS, Contains, Exact, Json, Label, Numeric
from tests.test_strict_json import VALUES

WORDS = st.lists(st.sampled_from(["Paris", "paris", "Par", "is", "Rome", "in"]), min_size=1)
BLANKS = st.sampled_from(["", " ", "\n", "\t "])


def judged(verifier, completion, value):
    return verifier.accepts(completion, verifier.truth(value))


@given(st.sampled_from(["yes", "Yes", " yes", "yes ", "yes.", "no", "", "ye"]))
def test_label_is_strict_to_the_letter(completion):
    assert judged(Label(), completion, "yes") == (completion == "yes")


@given(WORDS, WORDS, BLANKS, BLANKS, st.booleans())
def test_exact_is_equality_but_for_the_blanks_around(said, meant, before, after, ignore_case):
    completion, truth = f"{before}{' '.join(said)}{after}", " ".join(meant)
    expected = said == meant
    if ignore_case:
        expected = [word.lower() for word in said] == [word.lower() for word in meant]
    assert judged(Exact(ignore_case=ignore_case), completion, truth) == expected


@given(WORDS, WORDS, st.sampled_from([" ", ", ", "-", "\n"]))
def test_contains_finds_whole_words_in_a_row(said, meant, between):
    """Independent truth: a run of words in the list of words."""
    runs = [said[at : at + len(meant)] for at in range(len(said))]
    expected = meant in runs
    assert judged(Contains(), between.join(said), between.join(meant)) == expected


def test_contains_takes_the_truth_as_it_is_written_and_not_as_a_pattern():
    assert judged(Contains(), "it is $5 (five).", "$5 (five)")
    assert not judged(Contains(), "abc", "a.c")
    assert not judged(Contains(), "it is unacceptable", "acceptable")
    assert judged(Contains(ignore_case=True), "STRASSE 5", "straße")


@pytest.mark.parametrize("value", [18, 18.0, "18", "7 + 11 = 18", "#### 18"])
def test_a_numeric_truth_is_a_number_or_a_text_that_ends_with_one(value):
    assert judged(Numeric(), r"so \boxed{18}", value)
    assert not judged(Numeric(), "18 or rather 19", value)
    assert not judged(Numeric(), "eighteen", value)


def test_the_tolerances_of_numeric_are_an_absolute_and_a_relative_one():
    assert judged(Numeric(tolerance=0.5), "10.5", 10)
    assert not judged(Numeric(tolerance=0.5), "10.51", 10)
    assert judged(Numeric(tolerance=0, relative_tolerance=0.01), "1010", 1000)
    assert not judged(Numeric(tolerance=0, relative_tolerance=0.01), "1010.1", 1000)


@given(VALUES, st.booleans(), st.sampled_from([None, 2]))
def test_json_accepts_the_value_however_it_is_written_down(value, escaped, indent):
    text = json.dumps(value, ensure_ascii=escaped, indent=indent, sort_keys=escaped)
    truth = value if value is not None and not isinstance(value, str) else json.dumps(value)
    assert judged(Json(), f" {text}\n", truth)
    assert not judged(Json(), f"{text} .", truth)
    assert not judged(Json(), json.dumps([value]), truth)


def test_json_with_required_keys_leaves_the_others_free():
    verifier = Json(required_keys=("a", "b"))
    truth = {"a": 1, "b": [True], "c": "not asked for"}
    assert judged(verifier, '{"b": [true], "a": 1.0, "z": null}', truth)
    assert not judged(verifier, '{"b": [1], "a": 1}', truth)
    assert not judged(verifier, '{"a": 1}', truth)
    assert not judged(verifier, "[]", truth)


@pytest.mark.parametrize(
    ("verifier", "value", "needed"),
    [
        (Exact(), 5, "a text that is not empty"),
        (Contains(), " ", "a text that is not empty"),
        (Label(), ["yes"], "a text that is not empty"),
        (Numeric(), "many", "a finite number"),
        (Numeric(), True, "a finite number"),
        (Numeric(), [1], "a finite number"),
        (Json(), "Paris", "JSON; it is not: Expecting value"),
        (Json(required_keys=("a",)), {"b": 1}, "an object with the required keys a"),
    ],
)
def test_a_truth_of_no_use_is_refused_with_what_was_needed(verifier, value, needed):
    with pytest.raises(ValueError, match=needed):
        verifier.truth(value)


@pytest.mark.parametrize("kind", KINDS)
def test_right_and_wrong_earn_plus_and_minus_one_or_what_the_task_says(kind):
    items = [Item(text="?", group="", columns={"truth": "7"})] * 2
    verifier = verifiers.build(kind, {})
    assert verifier.rewards(items, ["7", "8"]) == [1.0, -1.0]
    assert replace(verifier, right=1.0, wrong=0.0).rewards(items, ["7", "8"]) == [1.0, 0.0]


@pytest.mark.parametrize(
    ("kind", "options", "found"),
    [
        ("exact", {"ignore_caes": True}, "Did you mean ignore_case"),
        ("exact", {"tolerance": 1}, "tolerance is no option of exact, which has right, wrong"),
        ("exact", {"ignore_case": 1}, "ignore_case: found 1, needed true or false"),
        (
            "numeric",
            {"tolerance": "small"},
            "tolerance: found the text 'small', needed a finite number",
        ),
        ("numeric", {"tolerance": float("nan")}, "tolerance: found nan, needed a finite number"),
        ("numeric", {"tolerance": True}, "tolerance: found true, needed a finite number"),
        (
            "numeric",
            {"relative_tolerance": -1},
            "relative_tolerance: found -1.0, needed at least 0",
        ),
        ("json", {"required_keys": "a"}, "required_keys: found the text 'a', needed a list"),
        ("label", {"right": -2}, "found right = -2.0 and wrong = -1.0, needed right above wrong"),
    ],
)
def test_an_option_of_no_use_is_named(kind, options, found):
    with pytest.raises(ValueError, match=found):
        verifiers.build(kind, options)


def test_an_option_that_says_the_default_is_no_option():
    verifier = verifiers.build("numeric", {"tolerance": 1e-6, "right": 1, "wrong": 0})
    assert verifiers.changed(verifier) == (("wrong", 0.0),)
