"""The page of a measurement: what it says, what it survives, and that a browser draws it."""

import copy
import re

import pytest

from coupling_bench.report import write_report
from coupling_bench.report.checkpoints import pairs
from tests.report.example_measurement import example_measurement
from tests.report.example_record import example_record
from tests.report.test_page import HOSTILE
from tests.report.unpacking import plots


@pytest.fixture
def record():
    return example_measurement()


def page(record, folder):
    return write_report(record, folder).read_text(encoding="utf-8")


def text(record, folder):
    """The page without its scripts."""
    return re.sub(r"<script>.*?</script>", "", page(record, folder), flags=re.DOTALL)


def changed(value, change):
    """A record with ``change`` made to every leaf of its section."""
    if isinstance(value, dict):
        return {key: changed(v, change) for key, v in value.items()}
    return [changed(v, change) for v in value] if isinstance(value, list) else change(value)


def hostile(record):
    said = changed(record["measurement"], lambda v: HOSTILE if isinstance(v, str) else v)
    return record | {"measurement": said}


def nulls(record):
    gone = changed(record["measurement"], lambda v: None if isinstance(v, float) else v)
    return record | {"measurement": gone}


def test_a_measurement_without_claims_is_a_page_of_its_own(record, tmp_path):
    said = text(record, tmp_path)
    assert "<title>Checkpoints measured" in said
    assert "Do supervised" not in said
    assert "no claim was tested" in said
    assert "2 checkpoints on grammar, 600 items: sft has L 0.335 and J 0.790 and mine" in said
    assert "95 % intervals are over items." in said


def test_each_number_stands_with_its_interval_and_each_bound_with_its_state(record, tmp_path):
    said = text(record, tmp_path)
    assert "0.335<small>[0.315, 0.355]</small>" in said
    assert '<b>+0.410</b> <span class="nowrap">[+0.390, +0.430]</span>' in said
    assert "KL(mine ‖ sft) <b>0.120</b>" in said
    assert "k1; k3 0.390 [0.370, 0.410]" in said
    for state in ("holds", "broken", "inconclusive", "not applicable"):
        row = re.search(rf"<tr><th scope=\"row\">Bound that is {state}<.*?</tr>", said, re.DOTALL)
        assert f"</svg>{state}</span>" in row.group()


def test_changes_share_one_scale_a_column(record):
    rows = copy.deepcopy(record["measurement"]["pairs"]) * 2
    rows[1] = copy.deepcopy(rows[1])
    rows[1]["loss_change"] = {"estimate": -0.41, "interval": [-0.43, -0.39]}
    first, second = (row["strips"]["loss_change"] for row in pairs(rows))
    assert first["zero"] == second["zero"] == 50.0
    assert first["effect"] + second["effect"] == pytest.approx(100.0)


def test_one_checkpoint_alone_has_no_differences(record, tmp_path):
    record["measurement"] |= {"pairs": [], "checkpoints": record["measurement"]["checkpoints"][:1]}
    said = text(record, tmp_path)
    assert "One checkpoint on grammar" in said
    assert 'href="#pairs"' not in said
    assert 'id="bounds"' not in said


def test_a_record_of_the_suites_has_no_such_section(tmp_path):
    said = text(example_record(), tmp_path)
    assert 'id="checkpoints"' not in said
    assert "<title>Do SFT and RL decouple?" in said


def test_every_table_has_a_caption_and_every_heading_cell_a_scope(record, tmp_path):
    said = text(record, tmp_path)
    assert said.count("<table") == said.count("<caption") > 0
    assert all("scope=" in cell for cell in re.findall(r"<th\b[^>]*>", said))


def test_missing_numbers_are_dashes(record, tmp_path):
    assert not re.search(r"\b(None|nan|Undefined)\b", text(nulls(record), tmp_path))


def test_text_of_a_measurement_stays_text(record, tmp_path):
    said = text(hostile(record), tmp_path)
    assert "<img" not in said
    assert "{{ 7*7 }}" in said
    assert all("<" not in trace["name"] for trace in plots(said)[0]["data"])
