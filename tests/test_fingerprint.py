"""Identity of specs: what counts, what does not, and what is refused."""

import json
import subprocess
import sys
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench.fingerprint import address, canonical, canonical_json, fingerprint
from tests.tiny import recipe

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@dataclass(frozen=True)
class Example:
    value: object
    speed: int = field(default=1, metadata={"identity": False})


@given(PLAIN, PLAIN)
def test_two_values_share_a_text_only_if_they_are_equal(first, second):
    """Equal values have one text, different ones have two (1, 1.0 and True are different)."""
    assert (canonical_json(first) == canonical_json(second)) == (repr_of(first) == repr_of(second))


def repr_of(value):
    """An independent notion of equality: repr with sorted dictionaries."""
    if isinstance(value, dict):
        return ["dict", *sorted((key, repr_of(v)) for key, v in value.items())]
    return [repr_of(v) for v in value] if isinstance(value, list) else repr(value)


@given(PLAIN, PLAIN, PLAIN)
def test_a_text_put_together_of_kept_parts_is_that_of_the_whole(first, second, third):
    """As Python's own writer gives it, at the first time and again."""
    part = Example(first)
    for value in (Example(part), Example([part, second, Example(third)]), part):
        whole = json.dumps(canonical(value), sort_keys=True, separators=(",", ":"))
        assert canonical_json(value) == canonical_json(value) == whole


def test_fields_that_cannot_change_the_numbers_are_no_part_of_the_identity():
    assert fingerprint(Example(1, speed=1)) == fingerprint(Example(1, speed=8))
    assert fingerprint(Example(1)) != fingerprint(Example(2))


def test_a_change_of_any_ancestor_changes_the_fingerprint():
    spec = recipe().rl
    changed = replace(spec, start=replace(spec.start, learning_rate=1e-9))
    assert address(spec) != address(changed)


def test_another_process_gives_the_same_fingerprint():
    code = "from tests.tiny import recipe; from coupling_bench.fingerprint import address as a; "
    done = subprocess.run(
        [sys.executable, "-c", code + "print(a(recipe().rl))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == address(recipe().rl)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (Example(lambda: 0), "value.value is a function"),
        (Example({1: 2}), "keys that are not strings"),
        (Example(float("nan")), "value.value is nan"),
        (Example("<object at 0x7f00>"), "memory address"),
        ([object()], r"value\[0\] is a object"),
    ],
)
def test_what_has_no_identity_is_refused_and_named(value, found):
    with pytest.raises((TypeError, ValueError), match=found):
        fingerprint(value)
