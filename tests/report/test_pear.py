"""The figures of PEAR: a dot for each variant and seed, and what they survive."""

import pytest

from coupling_bench.report import chapters
from tests.report.example_record import example_record

VARIANTS = ("short_sft_then_short_rl", "pear_sft_then_rl")
ROWS = [
    {"model": "m", "task": "t", "variant": variant, "seed": seed, "after_sft": 0.8 + place / 10,
     "after_rl": 0.9 - place / 10, "distance": 2.0, "kl": 0.1, "cosine": -0.2}
    for place, variant in enumerate(VARIANTS) for seed in range(3)
]  # fmt: skip


def neighbours(rows):
    tables = {"pear": rows, "pear_drift": rows}
    found = {one.id: one for one in chapters.view(example_record() | {"tables": tables})}
    return found.get("neighbours")


def test_scores_after_sft_stand_against_scores_after_rl():
    first, *drift = neighbours(ROWS).charts
    assert "SFT then short RL, PEAR SFT then RL" in first.text
    _, pear = (trace for trace in first.plot["data"] if len(trace["x"]) == 3)
    assert pear["x"] == pytest.approx([0.9] * 3)
    assert pear["y"] == pytest.approx([0.8] * 3)
    assert len(drift) == 3


@pytest.mark.parametrize("value", [None, "text", float("nan")])
def test_values_that_are_no_numbers_leave_a_figure_out(value):
    broken = [{name: value if name not in ("model", "task", "variant", "seed") else old
               for name, old in row.items()} for row in ROWS]  # fmt: skip
    assert neighbours(broken) is None
    assert neighbours([]) is None
