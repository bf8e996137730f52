"""``coupling-bench measure`` as a user runs it, and what it says to mistakes."""

import json
import re

import pytest

from coupling_bench.cli import main
from coupling_bench.tasks import cola
from tests import architectures, commands


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two models and a small corpus in CoLA's format."""
    folder = tmp_path_factory.mktemp("place")
    architectures.save("llama", folder / "a")
    architectures.save("qwen3", folder / "b", chat=True)
    for name in cola.FILES.values():
        rows = [f"own\t{i % 3 > 0:d}\t\t{name} sentence {i} ." for i in range(12)]
        (folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def arguments(place, *more):
    data = ["--task", "cola", "--data-dir", str(place), "--device", "cpu"]
    kept = ["--store", str(place / "store"), "--reports", str(place / "reports")]
    return ["measure", *data, *kept, *more]


def test_a_user_measures_two_checkpoints_from_the_shell(place):
    """The order is that of the command line, whichever options name the checkpoints."""
    named = ["--checkpoint", f"mine={place / 'b'}", "--base", str(place / "a")]
    done = commands.run("coupling_bench", *arguments(place, *named))
    assert done.returncode == 0, done.stderr
    assert "cola, held_out, 12 items" in done.stdout
    assert "over items" in done.stdout
    assert "they say nothing about another seed's training" in done.stdout
    lines = done.stdout.splitlines()
    heading = next(i for i, line in enumerate(lines) if line.startswith("checkpoint "))
    assert [line.split()[0] for line in lines[heading + 1 : heading + 3]] == ["mine", "base"]
    assert re.search(r"^mine +base +Non-decoupling threshold +not applicable", done.stdout, re.M)
    assert "L* is not known" in done.stdout
    record = json.loads((place / "reports" / "record.json").read_text())
    assert [row["name"] for row in record["measurement"]["checkpoints"]] == ["mine", "base"]
    assert [row["prompts"] for row in record["measurement"]["checkpoints"]] == ["chat", "plain"]
    assert f"--checkpoint mine={place / 'b'}" in record["environment"]["command"]
    page = (place / "reports" / "index.html").read_text()
    assert "Checkpoints side by side" in page


def test_columns_are_aligned_and_a_break_in_a_template_is_a_line_break(place, capsys):
    more = ["--sft", str(place / "a"), "--prompt-template", r"{sentence}\n->"]
    assert main(arguments(place, *more)) == 0
    table = capsys.readouterr().out.split("\n\n")[1].splitlines()
    starts = [[m.start() for m in re.finditer(r"(?<=  )\S", line)] for line in table]
    assert starts[0] == starts[1]
    record = json.loads((place / "reports" / "record.json").read_text())
    (row,) = record["measurement"]["checkpoints"]
    assert row["prompt_template"] == "{sentence}\n->"
    assert row["first_prompt"].endswith("sentence 0 .\n->")


@pytest.mark.parametrize(
    ("more", "message"),
    [([], "no checkpoint was named"),
     (["--sft", "nobody/no-such-model"], "could not be fetched"),
     (["--sft", "./no/such folder"], "is nothing there, needed the folder"),
     (["--task", "gramar", "--sft", "x"], "'gramar' is unknown"),
     (["--models", "nowhere.toml", "--sft", "x"], "there is no file nowhere.toml")],
)  # fmt: skip
def test_a_mistake_is_said_in_a_sentence_with_status_2(place, capsys, more, message):
    assert main(arguments(place, *more)) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


@pytest.mark.parametrize("named", ["nameless", "=folder", "name="])
def test_a_checkpoint_needs_a_name_and_a_path(place, capsys, named):
    with pytest.raises(SystemExit):
        main(arguments(place, "--checkpoint", named))
    assert "needed NAME=PATH" in capsys.readouterr().err
