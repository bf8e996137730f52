"""Records as people hand them over: which are read, and what is said of the others."""

import json

import pytest

from coupling_bench.report.merging import merge
from coupling_bench.report.page import render
from coupling_bench.report.reading import read_all
from tests.report.example_measurement import example_measurement
from tests.report.example_record import example_record, of_models


def written(folder, name, record):
    """A record's file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(record if isinstance(record, str) else json.dumps(record), encoding="utf-8")
    return path


def other(model="other", **changes):
    """The example's record as another model's."""
    rows = of_models(1)
    for part in ("claims", "curves", "abilities", "groups", "completions", "stages"):
        rows[part] = [row | {"model": model} for row in rows[part]]
    return rows | changes


def without(part, key):
    """The example's record with an entry that lacks something."""
    record = example_record()
    record[part][0].pop(key)
    return record


BAD = {
    "no file": (
        None,
        r"there is no file .*0\.json\. A run of the suites writes one: pytest suites",
    ),
    "no text": ("\udcff", r"is not text, needed a record in JSON"),
    "no JSON": ('{"schema": 1,\n oops', r"is not JSON \(line 2: .*\)"),
    "half a character": ('{"schema": 1, "a": "\\ud800"}', "is not text"),
    "too deep": ("[" * 200_000, "is nested too deeply"),
    "a list": ([], "has schema None, needed records of schema 1"),
    "another schema": ({"schema": 7}, r"0\.json has schema 7, needed records of schema 1"),
    "no claims": ({"schema": 1, "claims": []}, "holds no claim and nothing else to show"),
    "claims that are text": ({"schema": 1, "claims": "all"}, "has 'claims' that are no rows"),
    "claims of nobody": (without("claims", "model"), "an entry of 'claims' in .* has no model"),
    "a measurement of nothing": ({"schema": 1, "measurement": {"a": 1}}, "without checkpoints"),
    "constants that are a list": (example_record() | {"constants": [1]}, "that name nothing"),
}


@pytest.mark.parametrize(("record", "said"), BAD.values(), ids=BAD)
def test_what_is_no_record_is_refused_in_a_sentence_that_names_it(record, said, tmp_path):
    path = tmp_path / "0.json"
    if isinstance(record, str) and "\udcff" in record:
        path.write_bytes(b"\xff\xfe\xff")
    elif record is not None:
        written(tmp_path, "0.json", record)
    with pytest.raises((ValueError, OSError), match=said) as error:
        read_all([path])
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


ABSURD = [None, "x", -1.5, ["a", None], {"a": 1}, True]


@pytest.mark.parametrize("part", ["claims", "stages", "curves", "abilities", "completions"])
def test_whatever_an_entry_holds_it_is_shown_or_refused_in_a_sentence(part, tmp_path):
    """Each value of the first row replaced by absurd ones, in turn."""
    shown = refused = 0
    for key in example_record()[part][0]:
        for value in ABSURD:
            record = example_record()
            record[part][0][key] = value
            try:
                found = merge(read_all([written(tmp_path, "0.json", record)]))
            except ValueError as error:
                assert f"an entry of '{part}'" in str(error)
                refused += 1
                continue
            render(found, tmp_path)
            shown += 1
    assert shown > 5
    assert refused > 5


def test_a_folder_is_read_by_its_record_and_refused_without_one(tmp_path):
    written(tmp_path, "run/record.json", example_record())
    ((name, record),) = read_all([tmp_path / "run"])
    assert name == str(tmp_path / "run" / "record.json")
    assert record == example_record()
    with pytest.raises(FileNotFoundError, match=r"the folder .* holds no record\.json"):
        read_all([tmp_path])


def test_records_of_other_schemas_are_all_named_at_once(tmp_path):
    paths = [written(tmp_path, f"{n}.json", example_record() | {"schema": n}) for n in (1, 2, "3")]
    with pytest.raises(ValueError, match=r"2\.json has schema 2 and .*3\.json has schema '3'"):
        read_all(paths)


def test_two_records_of_one_model_and_task_are_sent_to_compare(tmp_path):
    paths = [written(tmp_path, f"{n}.json", example_record()) for n in "ab"]
    said = r"both hold model example model on task grammar.*coupling-bench compare \S+a\.json \S+b"
    with pytest.raises(ValueError, match=said):
        read_all(paths)


def test_measured_checkpoints_stand_alone(tmp_path):
    paths = [
        written(tmp_path, "a.json", example_measurement()),
        written(tmp_path, "b.json", example_record()),
    ]
    assert len(read_all(paths[:1])) == 1
    with pytest.raises(ValueError, match="which stand alone; 2 records were named"):
        read_all(paths)


def test_all_rows_of_all_records_are_in_the_one_that_they_make():
    """Each once, each claim with the name of its record, theorems that all have checked once."""
    theorem = {"theorem": "A", "model": None, "instances": 3}
    first, second = example_record() | {"theorems": [theorem]}, other(theorems=[theorem])
    merged = merge([("first", first), ("second", second)])
    for part in ("stages", "curves", "abilities", "groups", "completions"):
        assert merged[part] == first[part] + second[part]
    assert [claim.pop("record") for claim in merged["claims"]] == ["first"] * 5 + ["second"] * 5
    assert merged["claims"] == first["claims"] + second["claims"]
    assert merged["theorems"] == [theorem]
    assert [run["record"] for run in merged["runs"]] == ["first", "second"]


def test_merging_leaves_the_records_as_they_were():
    record = example_record()
    merge([("a", record), ("b", other())])
    assert record == example_record()


def of_items(name, items, **constants):
    """Another model's record, of a task of so many items."""
    known = example_record()["constants"]["grammar"] | {"items": items} | constants
    return other(name, constants={"grammar": known})


def test_each_kind_of_a_task_has_one_name_however_many_records_there_are():
    records = [of_items(f"m{n}", items) for n, items in enumerate((60, 70, 80, 70, 60, 61))]
    merged = merge([(str(n), record) for n, record in enumerate(records)])
    tasks = {row["model"]: row["task"] for row in merged["claims"]}
    names = ["grammar", "grammar (2)", "grammar (3)", "grammar (2)", "grammar", "grammar (4)"]
    assert list(tasks.values()) == names
    assert {name: c["items"] for name, c in merged["constants"].items()} == {
        "grammar": 60, "grammar (2)": 70, "grammar (3)": 80, "grammar (4)": 61,
    }  # fmt: skip


def test_a_constant_that_only_one_record_knows_makes_no_other_task_and_the_newest_date_counts():
    more = of_items("more", 60, another=1) | {"created": "2026-01-02T00:00:00+00:00"}
    first = of_items("first", 60) | {"created": "2026-01-03T00:00:00+00:00"}
    merged = merge([("a", first), ("b", more)])
    assert list(merged["constants"]) == ["grammar"]
    assert merged["created"] == "2026-01-03T00:00:00+00:00"


def test_tasks_of_one_name_and_other_constants_are_told_apart():
    """Constants that differ by rounding are the same; what is renamed is renamed in every row."""
    constants = example_record()["constants"]["grammar"]
    rounded = other("rounded", constants={"grammar": constants | {"majority_reward": 0.4 + 1e-16}})
    table = [{"model": "smaller", "task": "grammar", "value": 1}]
    smaller = other(
        "smaller", constants={"grammar": constants | {"items": 60}}, tables={"mine": table}
    )
    merged = merge([("a", example_record()), ("b", rounded), ("c", smaller)])
    assert list(merged["constants"]) == ["grammar", "grammar (2)"]
    names = {(row["model"], row["task"]) for part in ("claims", "curves") for row in merged[part]}
    assert names == {
        ("example model", "grammar"), ("rounded", "grammar"), ("smaller", "grammar (2)"),
    }  # fmt: skip
    assert merged["tables"]["mine"][0]["task"] == "grammar (2)"
