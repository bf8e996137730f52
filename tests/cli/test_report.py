"""``coupling-bench report`` as a user runs it, and what it says to mistakes."""

import json
import subprocess
import sys

import pytest

from coupling_bench.cli import main
from tests.report.example_record import example_record
from tests.report.test_reading import other


@pytest.fixture
def records(tmp_path):
    """Two records of two models."""
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path, record in zip(paths, (example_record(), other()), strict=True):
        path.write_text(json.dumps(record), encoding="utf-8")
    return paths


def test_a_page_is_made_from_records_alone_without_torch(records, tmp_path):
    """By a process that would fail if it imported what trains, and that writes what it names."""
    code = (
        "import sys\n"
        "for heavy in ('torch', 'trl', 'transformers', 'datasets'): sys.modules[heavy] = None\n"
        "from coupling_bench.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "report", *map(str, records), "-o", str(tmp_path / "o")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    for name in ("index.html", "results.csv", "results.parquet", "summary.md"):
        assert f"{tmp_path / 'o' / name}\n" in done.stdout
    assert f"{tmp_path / 'o' / 'figures' / '*.svg'} (" in done.stdout
    page = (tmp_path / "o" / "index.html").read_text(encoding="utf-8")
    assert page.count('id="plotly"') == 1
    assert "5 claims on 2 pairs of model and task" in page
    assert not any(word in page for word in ("http://cdn", "https://cdn", "<link", " src="))


@pytest.mark.parametrize(
    ("more", "said"),
    [(["nowhere.json"], "there is no file nowhere.json"),
     (["a.json", "a.json"], "both hold model example model"),
     ([], "required: RECORD")],
)  # fmt: skip
def test_a_mistake_is_said_in_a_sentence_with_status_2_and_nothing_is_written(
    records, tmp_path, monkeypatch, capsys, more, said
):
    monkeypatch.chdir(tmp_path)
    try:
        status = main(["report", *more, "-o", "page"])
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "page").exists()


def test_a_file_where_the_folder_should_be_is_refused(records, capsys):
    assert main(["report", str(records[0]), "-o", str(records[1])]) == 2
    assert "is a file, needed a folder" in capsys.readouterr().err
