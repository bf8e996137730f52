"""A comparison in words: what reproduces a failure, and text that Markdown shows as it is."""

import shlex

import numpy as np
import pytest

from coupling_bench.nightly import telling
from coupling_bench.nightly.evidence import pool
from coupling_bench.nightly.findings import Reference
from coupling_bench.nightly.gate import compare
from tests.example_nights import claim, drawn, record


def compared(old, run):
    seeds = pool([record(old)])
    return compare(Reference(accepted=seeds, seeds=seeds), pool([record(run)])), pool([record(run)])


@pytest.mark.parametrize(("gone", "named"), [(2, 2), (7, 0)])
def test_claims_that_vanished_together_are_reproduced_by_one_command(gone, named):
    draw = np.random.default_rng(1)
    run = drawn(range(210, 213), draw=draw)[gone:]
    result, found = compared(drawn(range(101, 113), draw=draw), run)
    (finding,) = result.findings
    words = shlex.split(dict(telling.facts(finding, found))["reproduce"])
    assert words[-4:] == ["--first-seed", "210", "--seeds", "3"]
    assert len([word for word in words if "::" in word]) == named
    assert ("suites" in words) == (named == 0)


def test_many_claims_of_suites_that_run_by_path_are_reproduced_by_their_folder():
    def of_map(seeds):
        return [row | {"test": f"suites/map/test_{n}.py::a"} for n, row in enumerate(drawn(seeds))]

    result, found = compared(of_map(range(101, 113)), of_map(range(3))[7:])
    words = shlex.split(dict(telling.facts(result.findings[0], found))["reproduce"])
    assert words[:3] == ["pytest", "suites/map", "--model"]


def test_text_of_records_is_shown_as_it_is_and_on_one_row():
    name = "a | b\n<script>[x](y)"
    old = [claim(name, np.linspace(0.9, 1.1, 12), range(101, 113)), *drawn(range(101, 113))]
    run = [claim(name, [1.0, 1.01, 0.99], range(3)), *drawn(range(3))]
    text = telling.markdown(*compared(old, run))
    (row,) = [line for line in text.splitlines() if "script" in line]
    assert row.startswith(r"| a \| b \<script\>\[x\](y) |")


def test_the_last_good_night_is_before_the_run_with_its_verdict_and_its_effect_as_expected():
    draw = np.random.default_rng(2)
    old = drawn(range(101, 113), draw=draw)
    result, _ = compared(old, drawn(range(3), shift=12, draw=draw))
    row = next(row for row in result.rows if row.key[3] == "claim_0")
    made = row.new.created  # the first night's
    effects = {"good": row.band.mean, "flipped": row.band.mean, "far": row.band.high + 1, "later":
               row.band.mean}  # fmt: skip
    verdicts = {"flipped": "refuted"}
    nights = [
        record([old[0] | {"effect": effect, "verdict": verdicts.get(name, "supported")}], n - 3)
        | {"environment": {"commit": name}}
        for n, (name, effect) in enumerate(effects.items())
    ]
    assert nights[3]["created"] == made
    assert telling.last_good(row, nights).startswith("commit good,")
    assert telling.last_good(row, nights[1:]) == "none in the history"


def test_numbers_that_would_read_as_zero_keep_two_digits():
    told = [telling._number(value) for value in (0.41234567, 4e-5, 0.0, -0.0012)]
    assert told == ["+0.4123", "+4e-05", "+0.0000", "-0.0012"]
