"""Verdicts follow from interval and margin alone, in either direction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from coupling_bench.claims import Claim, Verdict, claim, judge

DIFFERENCES = st.lists(st.floats(-1, 1).map(lambda x: round(x, 3)), min_size=2, max_size=6)


def increase(margin: float) -> Claim:
    return Claim(sentence="A", cites="B", direction="increase_by", margin=margin, unit="nats")


@given(DIFFERENCES, st.sampled_from([0.0, 0.02, 0.3]))
def test_a_verdict_says_on_which_side_of_the_margin_scipys_interval_lies(values, margin):
    found = judge(increase(margin), values).verdict
    if len(set(values)) == 1:
        low = high = values[0]
    else:
        low, high = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    expected = {(True, False): "supported", (False, True): "refuted"}.get(
        (low > margin, high < margin), "inconclusive"
    )
    assert found.value == expected


@given(DIFFERENCES, st.sampled_from([0.0, 0.02, 0.3]))
def test_a_decrease_is_an_increase_of_the_negative(values, margin):
    down = Claim(sentence="A", cites="B", direction="decrease_by", margin=margin, unit="nats")
    mirrored = judge(down, [-v for v in values])
    straight = judge(increase(margin), values)
    assert (mirrored.verdict, mirrored.reversed) == (straight.verdict, straight.reversed)
    assert mirrored.interval.estimate == pytest.approx(-straight.interval.estimate)


@given(DIFFERENCES, st.sampled_from([0.0, 0.02, 0.3]), st.sampled_from(["increase", "decrease"]))
def test_a_denial_is_supported_where_the_claim_is_refuted_and_never_reversed(values, margin, way):
    straight, denied = (
        judge(
            Claim(sentence="A", cites="B", direction=f"{no}{way}_by", margin=margin, unit="nats"),
            values,
        )
        for no in ("", "not_")
    )
    mirrored = {"supported": "refuted", "refuted": "supported", "inconclusive": "inconclusive"}
    assert denied.verdict.value == mirrored[straight.verdict.value]
    assert not denied.reversed
    assert denied.seeds_needed == straight.seeds_needed


@given(DIFFERENCES, st.sampled_from([0.0, 0.02, 0.3]))
def test_equality_holds_where_scipys_interval_lies_within_the_margin_and_fails_beyond(values, m):
    same = Claim(sentence="A", cites="B", direction="equal_within", margin=m, unit="nats")
    found = judge(same, values)
    if len(set(values)) == 1:
        low = high = values[0]
    else:
        low, high = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    expected = "supported" if -m < low and high < m else "inconclusive"
    expected = "refuted" if low > m or high < -m else expected
    assert (found.verdict.value, found.reversed) == (expected, False)


def test_reversed_means_refuted_with_the_interval_beyond_zero():
    assert judge(increase(0.02), [-0.3, -0.31, -0.29]).reversed
    below_margin = judge(increase(0.5), [0.3, 0.31, 0.29])
    assert below_margin.verdict is Verdict.REFUTED
    assert not below_margin.reversed


def test_one_seed_decides_nothing():
    assert judge(increase(0.02), [5.0]).verdict is Verdict.INCONCLUSIVE


def test_an_undecided_claim_says_how_many_seeds_would_decide():
    assert judge(increase(0.0), [0.1, -0.05, 0.12]).seeds_needed > 3


@pytest.mark.parametrize(
    ("margins", "found"),
    [
        ({}, "give one of"),
        ({"increase_by": 0.1, "decrease_by": 0.1}, "give one of"),
        ({"increase_by": -0.1}, "negative"),
    ],
)
def test_a_claim_without_exactly_one_margin_is_refused(margins, found):
    with pytest.raises(ValueError, match=found):
        claim("A", cites="B", unit="nats", **margins)
