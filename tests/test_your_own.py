"""The commands of docs/your_own.md, in the order of the page, as a reader types them.

What differs: the smoke scale, one seed and one suite, trained without workers, so that it takes
seconds; a folder of the test's own for stages and reports; and for MODEL a small model that has
learnt to answer.
"""

import re
import shlex
from pathlib import Path

import pytest

from tests import commands

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "your_own.md"
SUITE = "suites/test_rl_after_sft_raises_the_sft_loss.py --scale smoke --seeds 1 --executor inline"


def lines():
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), flags=re.S | re.M)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("own")


def run(command, place):
    """Run one line of the page; return what it said."""
    store = place / "store"
    trained = next(store.glob("PretrainSpec-*"), Path("nothing trained yet"))
    program, *words = shlex.split(command.replace("$MODEL", str(trained)))
    if program == "pytest":
        assert words[0] == "suites/test_*.py"
        words = ["-p", "no:cacheprovider", *shlex.split(SUITE), *words[1:]]
        words += ["--reports", place / "reports"]
    module = {"pytest": "pytest", "coupling-bench": "coupling_bench"}[program]
    done = commands.run(module, *words, COUPLING_BENCH_STORE=str(store))
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_every_command_of_the_page_does_what_it_says(place):
    said = {command: run(command, place) for command in lines()}
    assert len(said) >= 4
    for command, output in said.items():
        expected = "The model fits the task" if "check-model" in command else "Report: "
        assert expected in output, command
    assert (place / "reports" / "index.html").exists()
