"""A folder of records: what is put in comes out, and what is damaged is named."""

import json

import pytest

from coupling_bench.nightly import (
    archive,
    evidence,
    findings,
    gate,
    history,
    page,
    summary,
    telling,
)
from coupling_bench.record import read as read_record
from tests.example_nights import drawn, record

STAGE = {
    "node": "sft", "model": "embedded", "task": "grammar", "wall_seconds": 3.0, "reused": False,
}  # fmt: skip


def test_a_kept_record_comes_back_with_all_that_gate_and_history_read(tmp_path):
    """Its command is left out, which names folders of the machine."""
    given = record(drawn(range(3)), stages=[STAGE])
    ran = {**given["environment"], "command": "pytest suites --store /home/somebody"}
    path = archive.add({**given, "environment": ran}, tmp_path)
    (kept,) = archive.read(tmp_path).records
    assert [c["per_seed"] for c in kept["claims"]] == [c["per_seed"] for c in given["claims"]]
    assert kept["environment"] == given["environment"] and kept["created"] == given["created"]
    assert kept["stages"][0]["wall_seconds"] == 3.0
    assert read_record(path) == kept  # it still is a record


def test_the_same_record_twice_is_one_file_and_files_sort_as_nights_do(tmp_path):
    nights = [record(drawn(range(3)), night) for night in (4, 0, 40)]
    paths = [archive.add(night, tmp_path) for night in (*nights, nights[0])]
    assert len(set(paths)) == len(list(tmp_path.iterdir())) == 3
    told = [night["created"] for night in archive.read(tmp_path).records]
    assert told == sorted(told)


def test_what_is_damaged_or_foreign_is_named_and_left_out(tmp_path):
    good = archive.add(record(drawn(range(3))), tmp_path)
    whole = archive.add(record(drawn(range(3)), 1), tmp_path)
    whole.write_bytes(whole.read_bytes().replace(b"0.1", b"0.2", 1))
    half = archive.add(record(drawn(range(3)), 2), tmp_path)
    half.write_bytes(half.read_bytes()[:1000])
    others = {
        "notes.txt": b"hello", "image.png": b"\x89PNG\xff\x00", "list.json": b"[1]",
        "older.json": json.dumps({"schema": 0}).encode(), "empty.json": b"",
        "timeless.json": json.dumps({"schema": 1, "claims": []}).encode(),
        "nameless.json": json.dumps(record([{"claim": None}])).encode(),
        "unjudged.json": json.dumps(record([drawn([0])[0] | {"margin": None}])).encode(),
        "rowless.json": json.dumps(record([]) | {"claims": {"a": 1}}).encode(),
    }  # fmt: skip
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
    kept = archive.read(tmp_path)
    assert [r["created"] for r in kept.records] == [archive.read_file(good)["created"]]
    for name in (whole.name, half.name, *others):
        assert sum(text.startswith(f"{name}: ") for text in kept.left_out) == 1, name


ABSURD = [None, "x", -1.5, 10**400, ["a", None], [1], {"a": 1}, True, [0.1, 0.1, 10**400]]


@pytest.mark.parametrize("part", ["claims", "stages", "theorems", "environment"])
def test_whatever_an_entry_holds_gate_and_history_read_it_or_name_the_file(part, tmp_path):
    """Each value replaced by absurd ones, in turn: read or left out, and never a crash."""
    theorem = {"theorem": "A", "test": "suites/test_a.py::test_a", "outcome": "passed"}
    need = {"name": "it rose", "per_seed": [0.1, 0.2, 0.3], "met": True}
    read = left_out = 0
    good = record(
        [drawn(range(3), claims=1)[0] | {"requires": [need]}], stages=[STAGE], theorems=[theorem]
    )
    for key in good[part] if part == "environment" else good[part][0]:
        for value in ABSURD:
            odd = json.loads(json.dumps(good))
            (odd[part] if part == "environment" else odd[part][0])[key] = value
            file = tmp_path / "record.json"
            file.write_text(json.dumps(odd))
            found = evidence.find(file)
            left_out += len(found.unreadable)
            read += len(found.records)
            known = evidence.pool([good])
            run = gate.compare(findings.Reference(accepted=known, seeds=known), found)
            assert telling.lines(run, found, [good]) and telling.markdown(run, found)
            if found.records:
                nights = history.build([good, *found.records], [])
                assert page.render(nights) and summary.summary(nights) and summary.table(nights)
    assert read and left_out


def test_a_commit_is_no_path(tmp_path):
    path = archive.add(record(drawn(range(3)), commit="../../x/y"), tmp_path)
    assert path.parent == tmp_path and archive.NAME.fullmatch(path.name)


def test_a_store_that_cannot_rename_is_written_to_all_the_same(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no rename here")

    monkeypatch.setattr(archive.os, "replace", refuse)
    archive.add(record(drawn(range(3))), tmp_path)
    assert len(archive.read(tmp_path).records) == len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_not_there_says_how_to_begin(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"--add reports/latest"):
        archive.read(tmp_path / "none")
