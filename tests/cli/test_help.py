"""What ``coupling-bench`` says of itself: help, examples, suggestions, completion."""

import argparse
import re
import shlex
import subprocess

import pytest

from coupling_bench import cli
from coupling_bench.cli import completion


def commands():
    """Each command's parser, by its name."""
    whole = cli.parser()
    action = next(a for a in whole._actions if isinstance(a, argparse._SubParsersAction))
    return action.choices


def examples(text):
    """The lines of an epilog that are commands of ours, as the words after the program's name."""
    lines = re.findall(r"^  coupling-bench ([^>\n]+)", text, re.MULTILINE)
    return [shlex.split(re.split(r" {3,}", line)[0]) for line in lines]


def test_every_command_has_examples_that_it_would_take():
    for name, parser in commands().items():
        shown = examples(parser.epilog or "")
        assert shown, f"{name} shows no example"
        for first, *words in shown:
            assert first == name
            _, others = parser.parse_known_args(words)  # leaves with status 2 if it would not
            assert not others or parser.get_default("passed_on") is not None


def test_the_examples_of_the_whole_are_commands():
    found = commands()
    for first, *words in examples(cli.EPILOG):
        if first != "COMMAND":
            found[first].parse_known_args(words)


def test_help_keeps_the_lines_of_its_examples_and_folds_the_rest(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for name, parser in commands().items():
        with pytest.raises(SystemExit) as left:
            cli.main([name, "--help"])
        assert left.value.code == 0
        shown = capsys.readouterr().out
        assert parser.epilog.strip() in shown
        assert max(map(len, shown.partition("examples:")[0].splitlines())) <= 80


def test_an_unknown_command_gets_the_nearest_one(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["mesure", "--help"])
    assert left.value.code == 2
    assert "Did you mean measure?" in capsys.readouterr().err


def test_nothing_asked_is_an_error_and_the_version_is_none(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([])
    assert left.value.code == 2
    with pytest.raises(SystemExit) as left:
        cli.main(["--version"])
    assert left.value.code == 0
    assert re.search(r"coupling-bench \d", capsys.readouterr().out)


def completed(script, words):
    """What bash offers after ``words``, the last of which is being typed."""
    typed = shlex.join(words)
    ask = (
        f"{script}\nCOMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}\n"
        "_shtab_coupling_bench\nprintf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_bash_completes_commands_options_choices_and_paths(capsys, tmp_path, monkeypatch):
    assert cli.main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    assert completed(script, ["coupling-bench", "lm"]) == ["lm-eval"]
    assert completed(script, ["coupling-bench", "measure", "--sp"]) == ["--split"]
    assert completed(script, ["coupling-bench", "measure", "--split", "out"]) == ["out_of_domain"]
    (tmp_path / "record.json").touch()
    monkeypatch.chdir(tmp_path)
    assert completed(script, ["coupling-bench", "tables", "rec"]) == ["record.json"]


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_a_shell_is_told_all_commands_in_a_line_each(shell, capsys):
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for name in commands():
        assert name in script
    if shell != "bash":  # it has no room for words
        assert "say in seconds whether a model fits a task" in script
