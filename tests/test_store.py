"""The store: written once, in one piece, by one of many."""

import json
import threading

import pytest

from coupling_bench.store import MANIFEST, Store, default_root
from tests.tiny import recipe

SPEC = recipe().base


def write(folder):
    (folder / "weights").write_text("w")
    return {"steps": 3}


def test_an_entry_is_made_once_and_found_again(tmp_path):
    store = Store(tmp_path / "new" / "store")
    assert store.find(SPEC) is None
    entry, made = store.get_or_make(SPEC, write)
    again, made_again = store.get_or_make(SPEC, pytest.fail)
    assert (made, made_again) == (True, False)
    assert entry.facts == again.facts == {"steps": 3}
    assert (again.folder / "weights").read_text() == "w"


def test_many_threads_that_ask_at_once_make_it_once(tmp_path):
    calls = []

    def slow(folder):
        calls.append(folder)
        threading.Event().wait(0.2)
        return write(folder)

    def ask():
        Store(tmp_path).get_or_make(SPEC, slow)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(calls) == 1


def test_what_fails_leaves_nothing_and_can_be_tried_again(tmp_path):
    store = Store(tmp_path)

    def fail(folder):
        (folder / "half").write_text("h")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        store.get_or_make(SPEC, fail)
    assert [path.name for path in tmp_path.iterdir()] == ["locks"]
    assert store.get_or_make(SPEC, write)[1]


def test_a_folder_without_a_manifest_is_never_read(tmp_path):
    store = Store(tmp_path)
    store.folder(SPEC).mkdir(parents=True)
    (store.folder(SPEC) / "weights").write_text("half")
    assert store.find(SPEC) is None
    entry, made = store.get_or_make(SPEC, write)
    assert made
    assert (entry.folder / "weights").read_text() == "w"


@pytest.mark.parametrize(("field", "found"), [("schema", "schema 99"), ("spec", "another spec")])
def test_an_entry_of_another_schema_or_spec_is_refused(tmp_path, field, found):
    store = Store(tmp_path)
    entry, _ = store.get_or_make(SPEC, write)
    manifest = json.loads((entry.folder / MANIFEST).read_text())
    (entry.folder / MANIFEST).write_text(json.dumps(manifest | {field: 99}))
    with pytest.raises(ValueError, match=found):
        store.find(SPEC)


def test_a_damaged_manifest_is_one_sentence(tmp_path):
    store = Store(tmp_path)
    entry, _ = store.get_or_make(SPEC, write)
    (entry.folder / MANIFEST).write_text('{"schema"')
    with pytest.raises(ValueError, match=r"is damaged\. Delete that folder and run again"):
        store.find(SPEC)


def test_a_missing_entry_names_itself_and_the_next_command(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"PretrainSpec-\w{12} .* pytest suites"):
        Store(tmp_path).get(SPEC)


def test_the_environment_names_the_store(monkeypatch, tmp_path):
    monkeypatch.setenv("COUPLING_BENCH_STORE", str(tmp_path / "mine"))
    assert default_root() == tmp_path / "mine"
    monkeypatch.delenv("COUPLING_BENCH_STORE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_root() == tmp_path / "coupling_bench"
