"""The verifier of derivations, against an independent reading, and on texts of any kind."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coupling_bench.tasks import Item
from coupling_bench.verifiers import derivations

VALUES = (7, 10, 5)


def earned(text, values=VALUES):
    item = Item(text="", group="", columns={"values": values})
    return derivations.rewards([item], [text])[0]


@pytest.mark.parametrize(
    ("text", "reward", "share"),
    [
        ("7+10=17 17+5=22", 1, 1.0),
        ("5+10=15 15+7=22", 1, 1.0),
        ("7+10=18 18+5=22", 1, 0.0),  # two slips that cancel out
        ("7+10=18 18+5=23", -1, 0.5),  # one slip, carried on
        ("7+5=12 12+10=22", 1, 0.0),  # neither from the first card nor from the last
        ("1+1=2 2+2=22", 1, 0.0),
        ("7+10=17", -1, 0.5),
        ("7+10=17 17+5=22 22+0=22", -1, 2 / 3),
        ("7+10=17  17+5=22", -1, 1 / 3),
        ("7+10=17 17+5=22\n", -1, 0.5),
        (" 7+10=17 17+5=22", -1, 0.0),
        ("7+10=17 17+5=022", -1, 0.5),
        ("7+10=17 17+5=٢٢", -1, 0.5),
        ("22", -1, 0.0),
        ("", -1, 0.0),
    ],
)
def test_the_last_number_earns_the_reward_and_each_step_counts(text, reward, share):
    assert earned(text) == reward
    assert derivations.share_of_right_steps(VALUES, text) == pytest.approx(share)


@given(
    st.lists(st.integers(1, 60), min_size=2, max_size=6),
    st.data(),
    st.booleans(),
)
def test_it_agrees_with_an_independent_evaluation(values, data, backwards):
    """Every step a + b = c of any derivation with slips: right iff c is the sum."""
    cards = values[::-1] if backwards else values
    slips = data.draw(
        st.lists(st.integers(-2, 2), min_size=len(cards) - 1, max_size=len(cards) - 1)
    )
    parts, total = [], cards[0]
    for card, slip in zip(cards[1:], slips, strict=True):
        result = max(total + card + slip, 0)
        parts.append((total, card, result))
        total = result
    text = " ".join(f"{a}+{b}={c}" for a, b, c in parts)
    assert earned(text, values) == (1 if total == sum(values) else -1)
    share = sum(a + b == c for a, b, c in parts) / len(parts)
    assert derivations.share_of_right_steps(values, text) >= share - 1e-12


@given(st.text() | st.text("0123456789+= ", max_size=40))
@example("9" * 10_000 + "+1=1 1+1=22")
@example("7+10=17 " * 100_000)
@example("__import__('os')+1=22 1+1=22")
@example("\x00\ud800")
def test_any_text_is_judged_and_nothing_in_it_is_run(text):
    assert earned(text) in (1, -1)
    assert 0.0 <= derivations.share_of_right_steps(VALUES, text) <= 1.0
