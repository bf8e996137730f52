"""``coupling-bench lm-eval`` as a user runs it, in this process."""

import json
import re

import pytest

from coupling_bench import cli
from tests import judges


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    return judges.save(tmp_path / "model")


def run(tmp_path, *arguments):
    return cli.main(["lm-eval", *map(str, arguments), "--store", str(tmp_path / "store")])


def test_scores_are_printed_in_columns_and_written_with_their_items(folder, tmp_path, capsys):
    output = tmp_path / "new" / "results.json"
    data = judges.save_cola(tmp_path)
    status = run(tmp_path, folder, "--tasks", "coupling_cola, coupling_cola_generate",
                 "--data-dir", data, "--limit", 5, "--output", output)  # fmt: skip
    assert status == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(str(folder))
    assert lines[2].split() == ["task", "metric", "value", "error", "items"]
    written = json.loads(output.read_text())
    rows = {tuple(line.split()[:2]): line.split()[2:] for line in lines[3:]}
    for task, metrics in written["scores"].items():
        for metric, value in metrics.items():
            assert float(rows[task, metric][0]) == pytest.approx(value, abs=5e-5)
            assert rows[task, metric][-1] == "5"
    assert len({line.rindex(" 5") for line in lines[3:]}) == 1  # aligned
    items = written["items"]["coupling_cola"]
    assert [item["id"] for item in items] == [f"cola/held_out/{n}" for n in range(5)]
    assert written["scores"]["coupling_cola"]["acc"] == sum(item["acc"] for item in items) / 5


def test_the_environment_names_another_prompt(folder, tmp_path, monkeypatch):
    output = tmp_path / "results.json"
    monkeypatch.setenv("COUPLING_BENCH_PROMPT", r"is {sentence} right?\n")
    run(tmp_path, folder, "--tasks", "coupling_cola", "--limit", 1, "--output", output,
        "--data-dir", judges.save_cola(tmp_path))  # fmt: skip
    item = json.loads(output.read_text())["items"]["coupling_cola"][0]
    prompt, answer = "is The cat sleeps 1 times. right?\n", judges.ANSWERS[item["truth"]]
    assert item["nll"] == pytest.approx(-judges.naive_logp(folder, prompt, answer), abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["SFTSpec-1"], "has no checkpoints; pytest suites"),
        (
            ["{folder}", "--tasks", "coupling_cola", "--data-dir", "{folder}"],
            "in_domain_dev.tsv is m",
        ),
        (["{folder}", "--tasks", ","], "No tasks specified"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_status_2(arguments, said, folder, tmp_path, capsys):
    filled = [argument.format(folder=folder) for argument in arguments]
    assert run(tmp_path, *filled) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(r"coupling-bench: [^\n]*\n", error)
    assert said in error


def test_a_limit_that_is_no_number_is_refused_before_anything_is_loaded(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run(tmp_path, "nowhere", "--limit", "0")
    assert "found '0', needed a whole number from 1" in capsys.readouterr().err
