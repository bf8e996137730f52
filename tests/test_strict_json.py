"""JSON as RFC 8259 has it, and none of what Python's reader takes besides."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench import strict_json

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.booleans())
def test_what_json_writes_is_read_back(value, escaped):
    assert strict_json.loads(json.dumps(value, ensure_ascii=escaped)) == value


@given(VALUES, VALUES)
def test_two_values_are_the_same_where_python_says_so_and_their_kinds_agree(one, other):
    """Independent truth: equal in Python, and equal after every boolean is made a text."""

    def marked(value):
        if isinstance(value, bool):
            return f"<{value}>"
        if isinstance(value, dict):
            return {key: marked(inner) for key, inner in value.items()}
        return [marked(inner) for inner in value] if isinstance(value, list) else value

    assert strict_json.same(one, one)
    assert strict_json.same(one, other) == (one == other and marked(one) == marked(other))


def test_true_is_not_one_and_one_is_one_point_zero():
    assert not strict_json.same([True], [1])
    assert not strict_json.same({"a": 0}, {"a": False})
    assert strict_json.same({"a": 1, "b": [2.0]}, {"b": [2], "a": 1.0})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 2}', "the key 'a' comes twice"),
        ("[NaN]", "NaN is no JSON number"),
        ("-Infinity", "-Infinity is no JSON number"),
        ("1e999", "the number 1e999 is too large"),
        ('"\\ud800"', "half of a surrogate pair"),
        ("[" * 100_000, "nested too deeply"),
        ("[" * 101 + "]" * 101, "nested too deeply"),
        ("{'a': 1}", r"double quotes \(column 2\)"),
        ("9" * 5_000, "digits"),
        ("", "column 1"),
        ("1 2", "Extra data"),
        ("\ufeff1", "BOM"),
    ],
)
def test_what_is_not_json_is_refused_with_a_reason(text, reason):
    with pytest.raises(ValueError, match=reason):
        strict_json.loads(text)


def test_a_pair_of_surrogates_is_a_character():
    assert strict_json.loads('"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


@given(st.floats())
def test_every_number_that_is_read_is_finite(number):
    try:
        assert math.isfinite(strict_json.loads(repr(number)))
    except ValueError:
        assert not math.isfinite(number)
