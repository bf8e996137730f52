"""The example task of the documentation is what it says it is."""

import ast
import importlib.util
import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from coupling_bench import tasks
from coupling_bench.tasks.jsonl import keys, read_task
from coupling_bench.verifiers import functions
from coupling_bench.verifiers.kinds import KINDS

PAGE = Path(__file__).parents[3] / "docs" / "your_own.md"
FOLDER = PAGE.parent / "example_task"


@pytest.fixture(scope="module")
def task():
    return tasks.load(read_task(FOLDER / "task.toml"))


def test_its_files_are_those_that_its_script_writes_and_small(tmp_path):
    found = importlib.util.spec_from_file_location("make", FOLDER / "make.py")
    make = importlib.util.module_from_spec(found)
    found.loader.exec_module(make)
    make.write(tmp_path)
    for name in make.FILES:
        assert (tmp_path / f"{name}.jsonl").read_bytes() == (FOLDER / f"{name}.jsonl").read_bytes()
    assert sum(path.stat().st_size for path in FOLDER.glob("*.*")) < 300_000


def numbers(item):
    return [int(number.replace(" ", "")) for number in item.text.split("?")]


def test_its_truths_are_true_and_one_response_in_ten_is_not(task):
    mistakes = []
    for item in (item for of_split in task.splits.values() for item in of_split):
        a, b = numbers(item)
        assert (
            task.spec.answers[item.truth]
            == {-1: "less", 0: "equal", 1: "greater"}[(a > b) - (a < b)]
        )
        mistakes.append(item.response != item.truth)
    assert sum(mistakes) / len(mistakes) == pytest.approx(0.1, abs=0.02)


def test_numbers_from_800_on_are_out_of_domain_alone(task):
    for split, items in task.splits.items():
        assert all((max(numbers(item)) >= 800) == (split == "out_of_domain") for item in items)


def test_its_own_verifier_agrees_with_label_on_every_row_and_answer(task):
    own = functions.find("rewards:right_relation", FOLDER)
    items = task.splits["held_out"]
    own.check(items[0].columns)
    for answer in (*task.spec.answers, "Less", ""):
        said = [answer] * len(items)
        assert own.rewards(items, said) == task.rewards(items, said)


def test_the_page_explains_every_key_and_every_verifier_with_its_options():
    (described,) = blocks("toml")
    document = tomllib.loads(described)
    keys.fields(document)
    for table, known in keys.TABLES.items():
        assert (document if not table else document[table]).keys() >= known.keys()
    for kind, verifier in KINDS.items():
        (row,) = re.findall(rf"^\| `{kind}` \|.*$", PAGE.read_text(), re.MULTILINE)
        own = {field.name for field in fields(verifier)} - {"right", "wrong"}
        assert own <= set(re.findall(r"`(\w+)", row))


def test_the_pages_row_and_function_are_those_of_the_files():
    (row,) = blocks("json")
    rows = [json.loads(line) for line in (FOLDER / "train.jsonl").read_text().splitlines()]
    assert json.loads(row) in rows
    (shown,) = blocks("python")
    (function,) = ast.parse(shown).body
    (written,) = ast.parse((FOLDER / "rewards.py").read_text()).body[1:]
    del written.body[0]  # the docstring
    assert ast.unparse(function) == ast.unparse(written)


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
