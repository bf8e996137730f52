"""The last number of a text, against numbers that were written into it."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench.verifiers import numbers

# Words that may stand around a number: no digit that is not part of a name.
PROSE = st.lists(
    st.sampled_from(["so", "x2", "H2O,", "the answer is", "=", "(", "total:", "\n", "a-b", "..."]),
    max_size=4,
).map(" ".join)
DECOYS = st.lists(st.integers(0, 10**6).map(str), max_size=3).map(", ".join)
ENDINGS = st.sampled_from(["", ".", " km", "!", ")", "%", ", see x2.", "\n"])


@st.composite
def written(draw):
    """A number and one way to write it."""
    digits, places = draw(st.integers(0, 10**12)), draw(st.integers(0, 4))
    exponent, negative = draw(st.sampled_from([None, -3, 2, 12])), draw(st.booleans())
    value = Fraction(digits, 10**places)
    whole, rest = divmod(digits, 10**places)
    text = f"{whole:,}" if draw(st.booleans()) else str(whole)
    text += f".{rest:0{places}d}" if places else ""
    if exponent is not None:
        text += draw(st.sampled_from("eE")) + str(exponent)
        value *= Fraction(10) ** exponent
    sign = draw(st.sampled_from(["-", "\u2212"])) if negative else draw(st.sampled_from(["", "+"]))
    return (-value if negative else value), sign + text


@given(PROSE, DECOYS, written(), ENDINGS)
def test_the_last_number_is_found_whatever_stands_before_it(prose, decoys, number, ending):
    value, text = number
    found = numbers.last_number(f"{decoys} {prose} {text}{ending}")
    assert found is not None
    assert Fraction(found) == value


@given(written(), written(), st.sampled_from([r"\boxed{%s}", r"\boxed {%s}", r"$\boxed{ %s }$"]))
def test_what_is_boxed_goes_before_what_comes_last(boxed, last, box):
    text = f"I get {box % boxed[1]}, after {last[1]} steps."
    assert Fraction(numbers.last_number(text)) == boxed[0]


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**6), st.sampled_from(["plain", "latex"]))
def test_a_fraction_is_one_number(top, bottom, style):
    plain = f"{top} / {bottom}"
    text = plain if style == "plain" else rf"\boxed{{\frac{{{top}}}{{{bottom}}}}}"
    found = numbers.last_number(f"so {text}")
    assert abs(Fraction(found) - Fraction(top, bottom)) <= abs(Fraction(top, bottom)) / 10**50


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10-5", "5"),
        ("f(2)-3", "3"),
        ("it is...5", "5"),
        (".5", "0.5"),
        ("-$1,234.50", "-1234.50"),
        (r"1{,}234 and 10{,}000", "10000"),
        (r"-\frac{3}{4}", "-0.75"),
        ("1,2,3", "3"),
        ("1,2345", "2345"),
        ("#### 18", "18"),
        ("3e", "3"),
    ],
)
def test_signs_points_and_commas_are_read_as_a_person_reads_them(text, value):
    assert numbers.last_number(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    ["", "nan", "inf", "-Infinity", "H2O", "x_1", "fifty", "1/0", r"\boxed{x}, 5", "1e9999999"],
)
def test_a_text_without_a_finite_number_has_none(text):
    assert numbers.last_number(text) is None


def test_long_numbers_are_not_rounded():
    product = 9_876_543_211 * 9_876_543_210
    right, next_to_it = (numbers.last_number(str(product + wrong)) for wrong in (0, 1))
    assert numbers.close(right, right, absolute=0.0, relative=0.0)
    assert not numbers.close(next_to_it, right, absolute=1e-6, relative=0.0)


@given(
    st.decimals(-(10**6), 10**6, places=3),
    st.decimals(-(10**6), 10**6, places=3),
    st.sampled_from([0.0, 1e-3, 0.5, 1e4]),
    st.sampled_from([0.0, 1e-3, 0.5]),
)
def test_closeness_is_the_inequality_in_exact_arithmetic(one, other, absolute, relative):
    room = Fraction(str(absolute)) + Fraction(str(relative)) * abs(Fraction(other))
    expected = abs(Fraction(one) - Fraction(other)) <= room
    assert numbers.close(one, other, absolute=absolute, relative=relative) == expected
