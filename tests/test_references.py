"""Accepted records: how verdicts are accepted and found again, and how a record is kept."""

import json

import pytest

from coupling_bench import record, references


def claim(name="A", verdict="refuted", **changes):
    return {
        "claim": name, "test": f"suites/test_{name}.py", "model": "embedded", "task": "grammar",
        "scale": "small", "recipe": "abc", "verdict": verdict, "p_value": 0.01, "seeds": [0, 1],
    } | changes  # fmt: skip


def whole(*claims):
    rows = [
        {"model": m, "task": "grammar", "node": "sft", "steps": [0]} for m in ("embedded", "other")
    ]
    return {
        "schema": 1, "claims": list(claims), "stages": rows, "curves": rows, "abilities": rows,
        "groups": rows, "completions": [{"prompt": "x"}],
        "environment": {
            "commit": "c0ffee", "cpu": "one", "command": "pytest suites --store /home/somebody",
        },
    }  # fmt: skip


def accepted(folder, name="A", recipe="abc", task="grammar"):
    return references.accepted_verdict(folder, "embedded", task, "small", name, recipe)


def test_an_accepted_verdict_counts_for_its_claim_model_task_scale_and_recipe_alone(tmp_path):
    references.accept(whole(claim()), tmp_path)
    assert accepted(tmp_path) == "refuted"
    assert accepted(tmp_path, name="B") is None
    assert accepted(tmp_path, recipe="other") is None
    assert accepted(tmp_path, task="cola") is None


def test_claims_that_accepting_would_forget_are_named(tmp_path):
    references.accept(whole(claim("A"), claim("B")), tmp_path)
    where = (tmp_path, "embedded", "grammar", "small")

    def judged(*names):
        return {name: claim(name)["test"] for name in names}

    assert references.left_out(*where, judged("A")) == ["B"]
    assert references.left_out(*where, judged("A", "B", "C")) == []
    assert references.left_out(tmp_path, "embedded", "cola", "small", judged("A")) == []


def test_what_is_accepted_of_folders_that_did_not_run_stays(tmp_path):
    """A suite of a folder that ran and that is gone does not stay."""
    mapped = claim("M", test="suites/map/test_M.py", verdict="supported")
    for ran in ([claim("A"), claim("B")], [mapped], [claim("A", verdict="supported")]):
        references.accept(whole(*ran), tmp_path)
    assert accepted(tmp_path, "M") == accepted(tmp_path, "A") == "supported"
    assert accepted(tmp_path, "B") is None
    of_map = {"M": mapped["test"]}
    assert references.left_out(tmp_path, "embedded", "grammar", "small", of_map) == []


def test_each_accepted_claim_names_the_processor_that_it_was_trained_on(tmp_path):
    """One that was accepted before claims told it has that of its file."""
    (path,) = references.accept(whole(claim("A")), tmp_path)
    before = json.loads(path.read_text())
    del before["claims"][0]["cpu"]
    path.write_text(json.dumps(before))
    later = whole(claim("M", test="suites/map/test_M.py"))
    later["environment"] = {**later["environment"], "cpu": "another"}
    references.accept(later, tmp_path)
    claims = json.loads(path.read_text())["claims"]
    assert {c["claim"]: c["cpu"] for c in claims} == {"A": "one", "M": "another"}


def test_a_reference_holds_one_model_and_nothing_of_the_machine(tmp_path):
    (path,) = references.accept(whole(claim()), tmp_path)
    written = json.loads(path.read_text())
    for part in ("stages", "curves", "abilities", "groups"):
        assert {row["model"] for row in written[part]} == {"embedded"}
    assert written["environment"]["command"] == (
        "pytest suites --model embedded --task grammar --scale small --seeds 2"
    )


def test_the_command_of_a_reference_names_the_folders_of_suites_that_run_by_path_alone(tmp_path):
    for test in ("suites/map/test_a.py::test_a[embedded]", "suites/test_b.py::test_b[embedded]"):
        (path,) = references.accept(whole(claim(test, test=test)), tmp_path)
    command = json.loads(path.read_text())["environment"]["command"]
    assert command.startswith("pytest suites suites/map --model embedded ")


def test_the_command_of_a_reference_names_seeds_that_do_not_begin_at_0(tmp_path):
    more = claim("B", seeds=[101, 102, 103])  # of a node that needs one more seed
    (path,) = references.accept(whole(more, claim("A", seeds=[101, 102])), tmp_path)
    command = json.loads(path.read_text())["environment"]["command"]
    assert command.endswith("--scale small --first-seed 101 --seeds 2")


@pytest.mark.parametrize("verdict", [None, "inconclusive"])
def test_no_verdict_and_an_undecided_one_are_never_accepted(tmp_path, verdict):
    assert references.accept(whole(claim(verdict=verdict)), tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_an_accepted_claim_names_its_commit_and_brings_no_text_of_the_corpus(tmp_path):
    (path,) = references.accept(whole(claim()), tmp_path)
    written = json.loads(path.read_text())
    assert written["claims"][0]["commit"] == "c0ffee"
    assert written["completions"] == []


@pytest.mark.parametrize(
    ("text", "found"), [("{", "not JSON"), ('{"schema": 7}', "schema 7"), ("[]", "schema None")]
)
def test_what_is_no_record_of_this_schema_is_refused(tmp_path, text, found):
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=found):
        record.read(path)


def test_what_is_written_is_read_again_and_not_a_number_is_refused(tmp_path):
    path = tmp_path / "deep" / "record.json"
    record.write(whole(claim()), path)
    assert record.read(path) == whole(claim())
    with pytest.raises(ValueError, match="JSON"):
        record.write({"schema": 1, "effect": float("nan")}, path)
    assert record.read(path) == whole(claim())
