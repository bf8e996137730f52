"""Files of measurements: what is read, and that nothing else is trusted."""

import pytest

from coupling_bench.report.measured import LARGEST_FILE, MOST_ENTRIES, read
from tests.report.example_speed import benchmark, lay, perf, point, scaling


@pytest.mark.parametrize(("name", "entries"), [("perf", perf()), ("scaling", scaling())])
def test_a_file_as_described_is_read_as_it_is(name, entries, tmp_path):
    lay(tmp_path, **{name: entries})
    assert read(tmp_path / f"{name}.json") == entries


def test_a_file_that_is_not_there_has_no_entries(tmp_path):
    assert read(tmp_path / "perf.json") == []


def test_fields_that_are_not_described_are_let_be(tmp_path):
    lay(tmp_path, perf=[benchmark("a step", 2.0, host="a machine")])
    assert read(tmp_path / "perf.json")[0]["host"] == "a machine"


@pytest.mark.parametrize(
    "content",
    [b"", b"nope", b"\xff\xfe\x00", b"[1, 2", b"[" * 100_000, b'{"a": "\xc3"}'],
    ids=["empty", "words", "bytes", "cut short", "too deep", "cut letter"],
)
def test_what_is_not_json_is_refused(content, tmp_path):
    (tmp_path / "perf.json").write_bytes(content)
    with pytest.raises(ValueError, match="is not JSON"):
        read(tmp_path / "perf.json")


@pytest.mark.parametrize("content", [{}, 7, None, "perf", [{}] * (MOST_ENTRIES + 1)])
def test_what_is_not_a_list_or_too_long_is_refused(content, tmp_path):
    lay(tmp_path, perf=content)
    with pytest.raises(ValueError, match="is not a list of at most 200 entries"):
        read(tmp_path / "perf.json")


def test_a_folder_and_a_huge_file_are_refused_unread(tmp_path):
    (tmp_path / "perf.json").mkdir()
    (tmp_path / "scaling.json").write_bytes(b" " * (LARGEST_FILE + 1))
    for name in ("perf.json", "scaling.json"):
        with pytest.raises(ValueError, match="is not a file of at most 1,000,000 bytes"):
            read(tmp_path / name)


@pytest.mark.parametrize("entry", [None, 3, "a step", []])
def test_an_entry_that_is_not_an_object_is_named_by_its_place(entry, tmp_path):
    lay(tmp_path, perf=[benchmark("a step", 2.0), entry])
    with pytest.raises(ValueError, match="has an entry 2 that is not an object"):
        read(tmp_path / "perf.json")


@pytest.mark.parametrize("name", ["perf", "scaling"])
def test_every_described_field_has_to_be_there(name, tmp_path):
    whole = benchmark("a step", 2.0) if name == "perf" else point("seeds", 1, 2.0, 3.0)
    for field in whole:
        lay(tmp_path, **{name: [{k: v for k, v in whole.items() if k != field}]})
        with pytest.raises(ValueError, match=f"has no “{field}” in its entry 1"):
            read(tmp_path / f"{name}.json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 7), ("name", ""), ("name", "  "), ("name", "x" * 121), ("name", "two\nlines"),
        ("name", "\ud800"), ("name", "\u202eturned"), ("group", None), ("note", "x" * 601),
        ("ratio", float("nan")), ("ratio", float("inf")), ("ratio", "6.1"), ("ratio", None),
        ("ratio", True), ("ratio", 0), ("ratio", -2.0), ("ratio", 10**400), ("gate", 1e300),
        ("ours_seconds", None), ("plain_seconds", []), ("target", False), ("passed", 1),
        ("passed", "yes"), ("rounds", {}), ("bare_seconds", -1), ("ours_peak_bytes", "41 MB"),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_named_by_field_and_place(field, value, tmp_path):
    lay(tmp_path, perf=[benchmark("a step", 2.0), benchmark("a step", 2.0) | {field: value}])
    with pytest.raises(ValueError, match=f"has a “{field}” in its entry 2 that is not "):
        read(tmp_path / "perf.json")


@pytest.mark.parametrize("axis", ["weather", "", None, ["seeds"]])
def test_an_axis_that_nobody_described_is_refused(axis, tmp_path):
    lay(tmp_path, scaling=[point(axis, 1, 2.0, 3.0)])
    with pytest.raises(ValueError, match="is not one of seeds, claims, G, prompt length"):
        read(tmp_path / "scaling.json")


def test_what_is_wrong_is_said_without_repeating_the_file(tmp_path):
    lay(tmp_path, perf=[benchmark("a step", 2.0) | {"ratio": "<img>"}])
    with pytest.raises(ValueError) as refusal:
        read(tmp_path / "perf.json")
    assert "<img>" not in str(refusal.value)
