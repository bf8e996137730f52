"""What goes beside the page: figures, results and a summary, of one model or of several."""

import re

import pandas as pd
import pytest

from coupling_bench.report.export import export
from coupling_bench.report.merging import merge
from coupling_bench.report.summary import markdown, plain
from tests.report.example_record import MODEL, TASK, claim, example_record, of_models
from tests.report.test_page import HOSTILE, hostile
from tests.report.test_reading import other


@pytest.fixture
def merged():
    return merge([("a.json", example_record()), ("b.json", other())])


def test_results_are_one_row_a_claim_and_model_and_the_same_in_both_formats(merged, tmp_path):
    export(merged, tmp_path)
    table = pd.read_csv(tmp_path / "results.csv")
    typed = pd.read_parquet(tmp_path / "results.parquet")
    assert len(table) == len(typed) == len(merged["claims"])
    assert list(table) == list(typed)
    assert list(typed["effect"]) == [row["effect"] for row in merged["claims"]]
    assert list(table["effect"]) == list(typed["effect"])
    assert set(zip(typed["record"], typed["model"], strict=True)) == {
        ("a.json", MODEL), ("b.json", "other"),
    }  # fmt: skip
    assert set(typed["commit"]) == {"abc"}


def test_every_file_that_is_named_is_there_and_every_figure_has_a_name_of_its_own(tmp_path):
    """Whatever the models are called, and however alike."""
    record = hostile(of_models(2))
    files = export(record, tmp_path)
    assert len(files) == len(set(files))
    assert all(path.is_file() and path.is_relative_to(tmp_path) for path in files)
    assert all(re.fullmatch(r"[a-z0-9.-]+", path.name) for path in files)
    assert len(list((tmp_path / "figures").iterdir())) == len(files) - 3


def test_files_of_others_are_left_alone(tmp_path):
    mine = tmp_path / "figures" / "mine.svg"
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")
    export(example_record(), tmp_path)
    assert mine.read_text(encoding="utf-8") == "mine"


def test_a_record_of_theory_alone_has_a_summary_and_no_results(tmp_path):
    files = export({"schema": 1, "theorems": [{"theorem": "A"}]}, tmp_path)
    assert [path.name for path in files] == ["summary.md"]


def test_the_summary_is_a_matrix_of_claims_by_models(merged):
    """With a word for each verdict, and one where a model was not asked."""
    merged["claims"] = [row for row in merged["claims"] if row["model"] != "other"]
    merged["claims"].append(claim("RL after SFT raises the SFT loss", "refuted", -1, model="b"))
    lines = [line for line in markdown(merged).splitlines() if line.startswith("|")]
    assert lines[0] == f"| Claim | Asked for | {MODEL}, {TASK}, small | b, {TASK}, small |"
    assert len(lines) == 2 + 5
    row = next(line for line in lines if "RL after SFT raises the SFT loss |" in line)
    assert "✔ supported +0.412" in row
    assert "✘ refuted −1.000" in row
    assert sum("not tested" in line for line in lines) == 4


def test_a_name_cannot_leave_its_cell():
    text = markdown(hostile(example_record()))
    assert "<script" not in text
    assert "<img" not in text
    assert len({line.count(" | ") for line in text.splitlines() if line.startswith("|")}) == 1
    assert plain("a|b\n*c* `d` [e](f)") == r"a\|b \*c\* \`d\` \[e\](f)"
    assert HOSTILE not in text
