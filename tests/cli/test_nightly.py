"""``coupling-bench history`` and ``compare``: files in, files and statuses out."""

import json
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

from coupling_bench.cli import main
from tests.example_nights import drawn, record


def save(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def reference(tmp_path):
    """Accepted verdicts, and beside them the records of twelve seeds of their own."""
    draw = np.random.default_rng(0)
    seeds = record(drawn(range(101, 113), draw=draw))
    save(tmp_path / "reference" / "seeds" / "seeds.json", seeds)
    save(tmp_path / "reference" / "accepted.json", record(drawn(range(3))))
    return tmp_path / "reference"


def night(path, number=0, **changes):
    stage = {
        "node": "sft", "model": "embedded", "task": "grammar", "spec": "SFTSpec-0", "reused": False,
    }  # fmt: skip
    claims = drawn(range(3), draw=np.random.default_rng(1), **changes)
    return save(path, record(claims, number, stages=[stage]))


def compare(*arguments):
    return main(["compare", *map(str, arguments)])


def test_each_kind_of_failure_has_a_status_of_its_own(reference, tmp_path, capsys):
    good = night(tmp_path / "good" / "record.json")
    drift = night(tmp_path / "drift.json", shift=12)
    verdict = night(tmp_path / "verdict.json", shift=-12)
    few = night(tmp_path / "few.json", claims=19)
    half = tmp_path / "half.json"
    half.write_text(good.read_text()[:-100])
    runs = (good.parent, drift, verdict, few, half, tmp_path / "nowhere.json")
    assert [compare(reference, run) for run in runs] == [0, 4, 5, 6, 7, 7]
    assert "damaged, or no record" in capsys.readouterr().out
    assert main(["compare"]) == 2


def test_a_failure_says_what_was_expected_and_found_and_what_reproduces_it(
    reference, tmp_path, capsys
):
    for number in range(2):
        night(tmp_path / "nights" / f"{number}.json", number)
    run = night(tmp_path / "record.json", 5, shift=-12)
    file = tmp_path / "out" / "summary.md"
    history = tmp_path / "nights"
    assert compare(reference, run, "--history", history, "--markdown", file) == 5
    told, written = capsys.readouterr().out, file.read_text()
    for text in (told, written):
        assert text.index("claim") < text.index("VERDICT CHANGED")  # the table comes first
        assert f"commit {1:040x}" in text  # the last good night
        assert "SFTSpec-0" in text and "0-2" in text and "101-112" in text
        assert (
            "pytest 'suites/test_claim_0.py::test_claim_0[embedded]' --model embedded --task "
            "grammar --scale small --seeds 3"
        ) in text
    assert written.startswith("**20 of 20 claims compared: 1 verdict changed (exit status 5)**")


def test_tests_that_broke_down_are_taken_from_the_junit_file(reference, tmp_path, capsys):
    run = night(tmp_path / "record.json")
    claims = json.loads(run.read_text())
    save(run, claims | {"claims": claims["claims"][1:]})
    junit = tmp_path / "junit.xml"
    junit.write_text(
        '<testsuites><testsuite><testcase classname="suites.test_claim_0" '
        'name="test_claim_0[embedded]"><error message="failed on setup">E   sft could not be '
        "trained: CUDA out of memory</error></testcase></testsuite></testsuites>"
    )
    assert compare(reference, run) == 6
    assert compare(reference, run, "--junit", junit) == 7
    told = capsys.readouterr().out
    assert "its test broke down: E   sft could not be trained" in told
    assert "1 not run (exit status 7)" in told  # once, and not as missing too
    junit.write_text(junit.read_text().replace("error", "failure"))
    assert compare(reference, run, "--junit", junit) == 7  # it failed and found nothing
    save(run, claims)
    assert compare(reference, run, "--junit", junit) == 0  # a verdict's failure is in the record
    for damaged in (
        b"<testsuites>",
        b"",
        b"\x00\xff",
        b'<?xml version="1.0" encoding="none"?><a/>',
    ):
        junit.write_bytes(damaged)
        assert compare(reference, run, "--junit", junit) == 7


def test_a_slower_benchmark_counts_when_a_second_run_is_slower_too(reference, tmp_path, capsys):
    def perf(name, ratio):
        return save(tmp_path / name / "perf.json", [{"name": "GRPO step", "ratio": ratio,
                    "gate": 2.0, "against": "plain TRL"}]).parent  # fmt: skip

    run = night(tmp_path / "record.json")
    slow, again, fast = perf("slow", 1.5), perf("again", 1.6), perf("fast", 2.5)
    assert compare(reference, run, "--times", perf("at the gate", 2.0)) == 0
    assert "GRPO step" not in capsys.readouterr().out
    assert compare(reference, run, "--times", slow) == 0
    assert "it counts when seen twice" in capsys.readouterr().out
    assert compare(reference, run, "--times", slow, fast) == 0
    assert compare(reference, run, "--times", slow, again) == 3
    file = tmp_path / "summary.md"
    assert compare(reference, run, "--times", slow, tmp_path, "--markdown", file) == 7
    assert "perf.json cannot be read" in capsys.readouterr().out
    assert file.read_text().startswith("**20 of 20 claims compared")  # which is not lost with it


def test_false_alarms_are_counted_on_drawn_nights(reference, tmp_path, capsys, monkeypatch):
    from coupling_bench.nightly import false_alarms

    monkeypatch.setattr(false_alarms, "NIGHTS", 30)
    run = night(tmp_path / "record.json")
    seeds = reference / "seeds"
    assert compare("--false-alarms", seeds, run) == 0
    told = capsys.readouterr().out
    assert "20 claims with 15 seeds" in told and "of 30 drawn nights" in told
    assert "give more fresh seeds than a night has" in told
    assert compare("--false-alarms", seeds) == 2
    assert "needs 15 seeds of a claim" in capsys.readouterr().err
    many = record(drawn(range(200, 230), draw=np.random.default_rng(5)), 2)
    assert compare("--false-alarms", seeds, save(tmp_path / "many.json", many)) == 0
    told = capsys.readouterr().out
    assert "20 claims with 42 seeds" in told and "20 claims with 30 seeds" in told


def test_history_keeps_draws_and_names_what_it_leaves_out(tmp_path, capsys):
    folder, out = tmp_path / "nights", tmp_path / "out"
    for number, shift in enumerate((0, 0, -12)):
        given = night(tmp_path / f"{number}" / "record.json", number, shift=shift)
        assert main(["history", str(folder), "--add", str(given.parent)]) == 0
    (folder / "other.txt").write_text("no record")
    assert main(["history", str(folder), "-o", str(out)]) == 0
    assert "left out: other.txt" in capsys.readouterr().err
    assert sorted(file.name for file in out.iterdir()) == [
        "history.csv", "history.html", "history.md",
    ]  # fmt: skip
    assert "1 verdict changed in 3 records" in (out / "history.html").read_text()


def test_an_empty_folder_and_a_record_that_is_none_are_said_in_a_sentence(tmp_path, capsys):
    (tmp_path / "record.json").write_text("{}")
    assert main(["history", str(tmp_path / "nights"), "--add", str(tmp_path)]) == 2
    assert "not a record of schema 1" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["history", str(tmp_path / "empty")]) == 2
    assert "holds no record" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (None, "there is no file .*record.json"),
        ("folder", "the folder .* holds no record.json"),
        ('{"schema": 1, "created": "2026-01-01T00:00:00Z", "claims": [], "seconds": NaN,'
         ' "theorems": [{"theorem": "A", "least_slack": NaN}]}', "holds NaN or infinity"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_with_what_is_wrong_with_it(there, said, tmp_path, capsys):
    given = tmp_path / "given" / "record.json"
    if there:
        given.parent.mkdir()
    if there not in (None, "folder"):
        given.write_text(there)
    asked = given.parent if there == "folder" else given
    assert main(["history", str(tmp_path / "nights"), "--add", str(asked)]) == 2
    assert re.search(said, capsys.readouterr().err)
    assert not (tmp_path / "nights").exists()


def test_a_file_where_a_folder_is_needed_is_named(tmp_path, capsys):
    file, run = tmp_path / "file", night(tmp_path / "record.json")
    file.write_text("")
    folder = tmp_path / "nights"
    for words in (
        [file, "--add", run], [file / "nights", "--add", run], [file],
        [folder, "--add", run, "-o", file], [folder, "--add", run, "-o", file / "page"],
    ):  # fmt: skip
        assert main(["history", *map(str, words)]) == 2
        assert f"{file} is a file, needed a folder" in capsys.readouterr().err
    assert not folder.exists()


def test_a_reader_that_leaves_is_no_mistake(reference, tmp_path):
    """Compare ... | head: as other programs, ended by the pipe and in silence."""
    run = night(tmp_path / "record.json", claims=20)
    code = (
        "import sys; from coupling_bench.cli import main\n"
        f"sys.exit(main(['compare', {str(reference)!r}, {str(run)!r}]))"
    )
    shell = shlex.join([sys.executable, "-u", "-c", code])
    done = subprocess.run(
        ["bash", "-c", f"{shell} | true; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (141, "")


def test_neither_command_loads_torch(reference, tmp_path):
    run = night(tmp_path / "record.json")
    code = (
        "import sys; from coupling_bench.cli import main\n"
        f"status = main(['compare', {str(reference)!r}, {str(run)!r}])\n"
        f"main(['history', {str(reference / 'seeds')!r}, '-o', {str(tmp_path / 'out')!r}])\n"
        "assert not {'torch', 'transformers', 'pandas'} & set(sys.modules)\n"
        "sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
