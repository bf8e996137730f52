"""Theorems on instances: one violation is enough, and a false statement needs one."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from coupling_bench.theorems import Theorem, agreement, check
from tests import commands

ROOT = Path(__file__).parents[1]
TRUE = Theorem(sentence="squares are not negative", cites="school")
FALSE = Theorem(sentence="cubes are not negative", cites="nobody", false=True)

finite = arrays.arrays(float, st.integers(1, 30), elements=st.floats(-1, 1))


@given(slack=finite, tolerance=st.floats(0, 0.5))
def test_a_theorem_fails_exactly_where_an_instance_breaks_it_and_a_false_one_passes_there(
    slack, tolerance
):
    broken = any(value < -tolerance for value in slack)
    held, denied = (check(t, slack, tolerance=tolerance, unit="nats") for t in (TRUE, FALSE))
    assert held.outcome == ("failed" if broken else "passed")
    assert denied.outcome == ("passed" if broken else "failed")
    assert held.record["instances"] == len(slack)
    assert held.record["violations"] == sum(value < -tolerance for value in slack)
    assert held.record["least_slack"] == min(slack)


def test_the_slack_of_an_equality_is_how_far_its_sides_are_apart_relative_to_their_size():
    infinity = float("inf")
    found = agreement([1.0, 1e6, infinity, infinity, 0.0], [1.0, 1e6 + 1, infinity, 5.0, -0.0])
    assert found.tolist() == pytest.approx([0.0, -1 / 2e6, 0.0, -1.0, 0.0])


def test_the_message_names_the_instance_with_the_least_slack():
    named = check(TRUE, [0.5, -0.25], tolerance=0.0, unit="nats", where=["first", "second"])
    assert named.message == (
        "VIOLATED: squares are not negative (school). 1 of 2 instances break it; the least slack "
        "is -0.25 nats, at second; tolerance 0."
    )
    at = check(TRUE, [[0.5], [0.25]], tolerance=0.0, unit="", where={"beta": [[1.0], [2.0]]})
    assert at.record["where"] == "beta = 2"


@pytest.mark.parametrize("slack", [[], [float("nan")]])
def test_no_instance_and_no_number_are_refused(slack):
    with pytest.raises(ValueError, match="squares are not negative"):
        check(TRUE, slack, tolerance=0.0, unit="nats")


SUITE = """
import numpy as np
from coupling_bench import theorem

@theorem("ones are not negative", cites="school")
def test_holds(check, table):
    table("numbers", [{"number": 1}])
    check(np.ones(7), tolerance=0.0, unit="")

@theorem("minus ones are not negative", cites="nobody")
def test_is_violated(check):
    check(-np.ones(3), tolerance=0.0, unit="")

def test_declares_nothing(check):
    check([1.0], tolerance=0.0, unit="")
"""


def test_theorems_and_tables_reach_the_record_and_a_violation_is_red_without_a_traceback(tmp_path):
    suite = tmp_path / "test_suite.py"
    suite.write_text(SUITE)
    done = commands.run(
        "pytest", suite, "-p", "coupling_bench.plugin", "-p", "no:cacheprovider",
        "--rootdir", tmp_path, "--models", ROOT / "suites" / "models.toml",
        "--store", tmp_path / "store", "--reports", tmp_path,
    )  # fmt: skip
    assert "1 failed, 1 passed, 1 error" in done.stdout, done.stdout
    assert "check: the test has no theorem" in done.stdout
    assert "Traceback" not in done.stdout
    record = json.loads((tmp_path / "record.json").read_text())
    assert [t["outcome"] for t in record["theorems"]] == ["passed", "failed"]
    assert record["tables"] == {"numbers": [{"number": 1}]}
    assert not (tmp_path / "store").exists()
