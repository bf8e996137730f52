"""task.toml: what it sets, and every key that is wrong."""

import shutil

import pytest

from coupling_bench.fingerprint import fingerprint
from coupling_bench.tasks.jsonl import read_task
from tests.tasks.jsonl.files import TASK, lines, rows, write

OWN = '[data]\ntrain = "train.jsonl"\n[verifier]\nkind = "rewards:f"\n'
REWARDS = "def f(completions, **_):\n    return [float(len(c)) for c in completions]\n"


def test_every_key_sets_its_field(tmp_path):
    toml = """
    name = "capitals-2"
    prompt_template = "Q: {prompt}\\nA:"
    [data]
    train = "train.jsonl"
    held_out = "held_out.jsonl"
    out_of_domain = "out_of_domain.jsonl"
    held_out_share = 0.3
    pretraining_share = 0
    [verifier]
    kind = "exact"
    wrong = 0
    ignore_case = true
    [sampling]
    max_completion_tokens = 32
    temperature = 1
    top_p = 1
    samples = 4
    """
    path = write(tmp_path, rows(9), toml, held_out=rows(3), out_of_domain=rows(2))
    spec = read_task(path)
    assert (spec.name, spec.prompt_template) == ("capitals-2", "Q: {prompt}\nA:")
    assert (spec.held_out_share, spec.pretraining_share, spec.answers) == (0.3, 0.0, None)
    assert spec.verifier == "exact"
    assert spec.verifier_options == (("ignore_case", True), ("wrong", 0.0))
    assert (spec.max_completion_tokens, spec.samples) == (32, 4)
    assert (spec.sampling_temperature, spec.sampling_top_p) == (1.0, 1.0)
    assert [split for split, _ in spec.files] == ["train", "held_out", "out_of_domain"]
    assert dict(spec.paths)["held_out"] == str(tmp_path / "held_out.jsonl")


def test_what_is_left_out_has_the_defaults_of_the_spec(tmp_path):
    spec = read_task(write(tmp_path / "capitals", rows(9)))
    assert (spec.name, spec.prompt_template, spec.answers) == ("capitals", "{prompt}\n", None)
    assert (spec.held_out_share, spec.pretraining_share, spec.samples) == (0.2, 0.5, 8)
    shutil.copy(tmp_path / "capitals" / "task.toml", tmp_path / "capitals" / "cities.toml")
    assert read_task(tmp_path / "capitals" / "cities.toml").name == "cities"


def test_with_answers_the_verifier_is_label(tmp_path):
    toml = 'answers = ["r0", "r1", "r2"]\n[data]\ntrain = "train.jsonl"\n'
    assert read_task(write(tmp_path, rows(9), toml)).verifier == "label"


@pytest.fixture
def own(tmp_path):
    path = write(tmp_path / "here", rows(9), OWN)
    (tmp_path / "here" / "rewards.py").write_text(REWARDS)
    return path


def test_the_identity_is_the_content_and_not_the_place(own, tmp_path):
    shutil.copytree(own.parent, tmp_path / "there" / "here")
    here, there = read_task(own), read_task(tmp_path / "there" / "here" / "task.toml")
    assert here.folder != there.folder
    assert fingerprint(here) == fingerprint(there)


@pytest.mark.parametrize("name", ["train.jsonl", "rewards.py"])
def test_the_identity_changes_with_a_file_and_with_the_verifiers_source(own, name):
    before = fingerprint(read_task(own))
    with (own.parent / name).open("ab") as file:
        file.write(
            lines([{"prompt": "new", "response": "r"}]) if name == "train.jsonl" else b"# \n"
        )
    assert fingerprint(read_task(own)) != before


def test_numbers_that_are_equal_have_one_identity(tmp_path):
    one, other = (
        fingerprint(
            read_task(write(tmp_path, rows(9), f"name = 'a'\n{TASK}[sampling]\ntop_p = {p}\n"))
        )
        for p in ("1", "1.0")
    )
    assert one == other


@pytest.mark.parametrize(
    ("table", "line", "found"),
    [
        ("", "nam = 'a'", "nam is no key of a task. Did you mean name, above all tables"),
        ("data", "trian = 'a'", r"\[data\] trian is no key .* mean train, in the table \[data\]"),
        ("sampling", "answers = ['a']", r"\[sampling\] answers .* mean answers, above all tables"),
        ("", "top_p = 1", r"top_p is no key .* mean top_p, in the table \[sampling\]"),
        ("", "verifer = 1", r"verifer is no key of a task. Did you mean the table \[verifier\]"),
        ("", "zzz = 1", r"zzz is no key of a task. Keys: .*\[data\] train"),
        ("", "sampling = 5", r"sampling: found 5, needed a table, \[sampling\]"),
        ("", "name = 5", "name: found 5, needed at most 60 of"),
        ("", "name = 'my task'", "name: found the text 'my task', needed at most 60 of"),
        ("", "name = '../a'", "name: found the text '../a', needed at most 60 of"),
        ("", "name = 'cola'", r"'cola', needed .* no name of ours \(grammar, cola\)"),
        (
            "",
            "prompt_template = 'Q:'",
            r"prompt_template: found .*'Q:', needed a text with {prompt}",
        ),
        ("", "answers = 'yes'", "answers: found the text 'yes', needed two or more texts"),
        ("", "answers = ['yes']", r"answers: found \['yes'\], needed two or more texts"),
        ("", "answers = ['a', 'A']", "needed two or more texts, different even without case"),
        ("", "answers = ['a', 1]", r"answers: found \['a', 1\], needed two or more texts"),
        (
            "data",
            "held_out_share = 1",
            "held_out_share: found 1, needed a number above 0 and below",
        ),
        ("data", "held_out_share = '1'", "held_out_share: found the text '1', needed a number"),
        ("data", "pretraining_share = nan", "found nan, needed a number from 0 to below 1"),
        ("data", "held_out = true", "held_out: found true, needed the name of a JSONL file"),
        ("sampling", "samples = 0", "samples: found 0, needed a whole number from 1"),
        ("sampling", "samples = 2.0", "samples: found 2.0, needed a whole number from 1"),
        ("sampling", "samples = true", "samples: found true, needed a whole number from 1"),
        ("sampling", "temperature = 0", "temperature: found 0, needed a number above 0"),
        ("sampling", "top_p = 1.5", "top_p: found 1.5, needed a number above 0, at most 1"),
        ("verifier", "kind = 5", "kind: found 5, needed a text"),
        ("verifier", "kind = 'exat'", "'exat', needed exact, .*module:function. .* mean exact"),
        ("verifier", "kind = 'my file:f'", "kind: found 'my file:f', needed exact"),
        ("verifier", "kind = 'label'", r"kind: label needs a closed set, answers = \["),
        ("verifier", "tolerance = 1", "kind is missing, needed exact"),
        (
            "verifier",
            "kind = 'exact'\ntolerance = 1",
            r"\[verifier\] tolerance is no option of exa",
        ),
        ("verifier", "kind = 'a:f'\ntolerance = 1", "tolerance: a function has no options here"),
        (
            "verifier",
            "kind = 'a:f'",
            r"verifier a:f: found neither .*a\.py nor an installed module",
        ),
    ],
)
def test_a_key_that_is_wrong_is_named(tmp_path, table, line, found):
    """One line is added to a task that is right; one of the verifier's replaces its own."""
    tables = {"": "", "data": "train = 'train.jsonl'", "verifier": "kind = 'exact'"}
    tables[table] = line if table == "verifier" else f"{tables.get(table, '')}\n{line}"
    toml = "\n".join(f"[{name}]\n{body}" if name else body for name, body in tables.items())
    with pytest.raises(ValueError, match=rf"task\.toml: .*{found}"):
        read_task(write(tmp_path / "good", rows(9), toml))


@pytest.mark.parametrize(
    ("toml", "error", "found"),
    [
        (b"name = ", ValueError, r"task\.toml: not TOML: Invalid value"),
        (b"name = '\xff'", ValueError, r"task\.toml: not UTF-8 text"),
        (b"", ValueError, r"task\.toml: \[verifier\] kind is missing"),
        (b"verifier.kind = 'exact'", ValueError, r"task\.toml: \[data\] train is missing"),
        (b"verifier.kind = 'exact'\ndata.train = 'a.jsonl'", FileNotFoundError,
         r"task\.toml: \[data\] train: .*a\.jsonl is no file"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_task_is_named(tmp_path, toml, error, found):
    (tmp_path / "task.toml").write_bytes(toml)
    with pytest.raises(error, match=found):
        read_task(tmp_path / "task.toml")


def test_a_missing_file_says_what_was_looked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.toml is no file\. A task is described"):
        read_task(tmp_path / "nothing.toml")


def test_a_folder_whose_name_will_not_do_asks_for_a_name(tmp_path):
    with pytest.raises(ValueError, match="name: found the text 'my task', needed"):
        read_task(write(tmp_path / "my task", rows(9)))
