"""The store: written once, in one piece, by one of many; nothing damaged is served."""

import errno
import json
import os
import shutil
import stat
import subprocess
import threading
from dataclasses import replace

import pytest

from coupling_bench import progress
from coupling_bench.fingerprint import address
from coupling_bench.graph import missing
from coupling_bench.pipelines import lineage, observations
from coupling_bench.store import (
    FAILURE,
    MANIFEST,
    UNFINISHED,
    DamagedError,
    Store,
    default_root,
)
from tests.tiny import recipe

SPEC = recipe().base
OTHER = replace(SPEC, seed=1)


def write(folder):
    (folder / "weights").write_text("w")
    (folder / "snapshots").mkdir()
    (folder / "snapshots" / "1").write_text("s")
    return {"steps": 3}


@pytest.fixture
def said():
    """What is said of stages, as it is said."""
    heard = []
    progress.listen(lambda message: heard.append(message.note))
    yield heard
    progress.listen(None)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_entry_is_made_once_and_found_again(tmp_path):
    store = Store(tmp_path / "new" / "store")
    assert store.find(SPEC) is None
    entry, made = store.get_or_make(SPEC, write)
    again, made_again = store.get_or_make(SPEC, pytest.fail)
    assert (made, made_again) == (True, False)
    assert entry.facts == again.facts == {"steps": 3}
    assert (again.folder / "weights").read_text() == "w"


def test_many_threads_that_ask_at_once_make_it_once_and_the_others_say_for_whom_they_wait(
    tmp_path, said
):
    calls = []

    def slow(folder):
        calls.append(folder)
        threading.Event().wait(0.5)
        return write(folder)

    def ask():
        Store(tmp_path).get_or_make(SPEC, slow)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(calls) == 1
    waiting = [note for note in said if f"is being made by process {os.getpid()} on" in note]
    assert len(waiting) == 5


def test_what_fails_is_kept_for_people_and_tried_again(tmp_path):
    store = Store(tmp_path)

    def fail(folder):
        (folder / "half").write_text("h")
        (folder / "stage.log").write_text("said before")
        raise RuntimeError("no <such> number")

    with pytest.raises(RuntimeError, match="no <such> number"):
        store.get_or_make(SPEC, fail)
    assert names(tmp_path) == ["failed", "locks"]
    kept = tmp_path / "failed" / address(SPEC)
    failure = json.loads((kept / FAILURE).read_text())
    assert failure["error"] == "RuntimeError: no <such> number"
    assert failure["spec"]["kind"] == "PretrainSpec"
    assert "in fail" in "".join(failure["traceback"])
    assert (kept / "stage.log").read_text() == "said before"
    assert store.get_or_make(SPEC, write)[1]
    assert not kept.exists()


def test_an_attempt_goes_on_from_what_a_killed_one_has_left_to_be_gone_on_with(tmp_path):
    """And from nothing else: half-written files without ``unfinished`` are thrown away."""
    store, found = Store(tmp_path), []

    def make(folder):
        found.append(names(folder))
        (folder / "half").write_text("h")
        if len(found) > 1:
            (folder / UNFINISHED).mkdir(exist_ok=True)
        if len(found) < 4:
            raise KeyboardInterrupt  # as a signal does: nothing is cleaned up but what is no use
        return write(folder)

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            store.get_or_make(SPEC, make)
    entry, _ = store.get_or_make(SPEC, make)
    assert found == [[], [], ["half", UNFINISHED], ["half", UNFINISHED]]
    assert names(entry.folder) == ["half", MANIFEST, "snapshots", "weights"]
    assert names(tmp_path) == sorted([address(SPEC), "locks"])


def test_a_folder_without_a_manifest_is_never_read(tmp_path):
    store = Store(tmp_path)
    store.folder(SPEC).mkdir(parents=True)
    (store.folder(SPEC) / "weights").write_text("half")
    assert store.find(SPEC) is None
    entry, made = store.get_or_make(SPEC, write)
    assert made
    assert (entry.folder / "weights").read_text() == "w"


def flip(entry):
    (entry.folder / "weights").write_text("v")


def lose(entry):
    (entry.folder / "weights").unlink()


def cut(entry):
    (entry.folder / MANIFEST).write_text('{"schema"')


def reorder(entry):
    manifest = json.loads((entry.folder / MANIFEST).read_text())
    (entry.folder / MANIFEST).write_text(json.dumps([manifest]))


def swap(entry):
    manifest = json.loads((entry.folder / MANIFEST).read_text())
    (entry.folder / MANIFEST).write_text(json.dumps(manifest | {"spec": {"kind": "SFTSpec"}}))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (flip, "weights is not what was written"),
        (lose, "weights is missing"),
        (cut, "manifest.json cannot be read"),
        (reorder, "manifest.json is no manifest"),
        (swap, "another spec with the same fingerprint"),
    ],
)
def test_a_damaged_entry_is_set_aside_in_a_sentence_and_made_again(tmp_path, said, damage, reason):
    damage(Store(tmp_path).get_or_make(SPEC, write)[0])
    store = Store(tmp_path)
    assert missing([SPEC, *observations(SPEC, 0)], store)[0] == SPEC
    [note] = said
    assert reason in note and "set aside as" in note
    assert names(tmp_path / "damaged")[0].startswith(address(SPEC))
    entry, made = store.get_or_make(SPEC, write)
    assert made and (entry.folder / "weights").read_text() == "w"


def test_a_plan_compares_what_it_reads_and_no_more(tmp_path):
    """A checkpoint that nothing starts from is not read; a start is, its snapshots by who does."""
    store, chain = Store(tmp_path), tuple(lineage(recipe().sft))
    for spec in chain:
        store.get_or_make(spec, write)
    (store.folder(chain[0]) / "snapshots" / "1").write_text("other")
    (store.folder(chain[-1]) / "weights").write_text("other")
    assert missing(chain, Store(tmp_path)) == []
    shutil.rmtree(store.folder(chain[-1]))
    assert missing(chain, Store(tmp_path)) == [chain[-1]]  # training goes on from the end
    watched = observations(chain[0], 0)
    assert missing([*chain, *watched], Store(tmp_path)) == [*chain, *watched]


@pytest.mark.parametrize(("schema", "remedy"), [(99, "Update coupling_bench"), (0, "that wrote")])
def test_an_entry_of_another_version_is_left_as_it_is(tmp_path, schema, remedy):
    store = Store(tmp_path)
    entry, _ = store.get_or_make(SPEC, write)
    manifest = json.loads((entry.folder / MANIFEST).read_text())
    (entry.folder / MANIFEST).write_text(json.dumps(manifest | {"schema": schema}))
    with pytest.raises(ValueError, match=f"schema {schema}, this version reads 1.*{remedy}"):
        store.find(SPEC)
    assert (entry.folder / "weights").read_text() == "w"


def test_a_missing_entry_names_itself_and_the_next_command(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"PretrainSpec-\w{12} .* pytest suites"):
        Store(tmp_path).get(SPEC)


def test_a_store_that_vanishes_is_said_and_not_made_anew(tmp_path):
    store = Store(tmp_path / "mount")

    def vanish(folder):
        shutil.rmtree(tmp_path / "mount")
        return write(folder)

    with pytest.raises(FileNotFoundError, match=r"mount has vanished .* --store FOLDER"):
        store.get_or_make(SPEC, vanish)
    for ask in (store.get, lambda spec: Store(store.root).get_or_make(spec, write)):
        with pytest.raises(FileNotFoundError, match="has vanished"):
            ask(SPEC)
    assert not store.root.exists()


def test_a_full_disk_is_one_sentence_and_leaves_the_store_whole(tmp_path):
    store, other = Store(tmp_path), OTHER
    store.get_or_make(SPEC, write)

    def fill(folder):
        write(folder)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "weights")

    with pytest.raises(OSError, match=r"no space left for PretrainSpec-.*store gc --max-size"):
        store.get_or_make(other, fill)
    assert store.get(SPEC).facts == {"steps": 3}
    assert store.find(other) is None


def test_a_disk_that_is_really_full_is_said_whatever_the_library_says(tmp_path):
    """On a file system of one megabyte, written to by a library that has words of its own."""
    torch = pytest.importorskip("torch")
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here: this needs to be root")
    try:
        store = Store(small)
        store.get_or_make(SPEC, write)

        def fill(folder):
            from safetensors.torch import save_file

            save_file({"weights": torch.zeros(2**20)}, folder / "weights")

        with pytest.raises(OSError, match="no space left"):
            store.get_or_make(OTHER, fill)
        assert store.get(SPEC).facts == {"steps": 3}
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_store_that_may_only_be_read_serves_what_it_has_and_says_what_it_lacks(
    tmp_path, monkeypatch
):
    store = Store(tmp_path)
    store.get_or_make(SPEC, write)
    if os.geteuid() == 0:  # whom no mode keeps from writing

        def refuse(path, *_, **__):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

        monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    else:
        tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert Store(tmp_path).get(SPEC).facts == {"steps": 3}
    with pytest.raises(OSError, match=r"has to be made, and .* cannot be written to .*--store"):
        Store(tmp_path).get_or_make(OTHER, write)


def test_the_environment_names_the_store(monkeypatch, tmp_path):
    monkeypatch.setenv("COUPLING_BENCH_STORE", str(tmp_path / "mine"))
    assert default_root() == tmp_path / "mine"
    monkeypatch.delenv("COUPLING_BENCH_STORE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_root() == tmp_path / "coupling_bench"


def stopped(*_, **__):
    raise KeyboardInterrupt


def test_a_kill_while_an_entry_is_published_loses_nothing(tmp_path, monkeypatch):
    """Before its manifest the next attempt goes on; after it, it has only to give it its place."""
    store, found = Store(tmp_path), []

    def make(folder):
        found.append(names(folder))
        (folder / UNFINISHED).mkdir(exist_ok=True)
        (folder / UNFINISHED / "state").write_text("s")
        (folder / "weights").write_text("w")
        return {"steps": 3}

    for where in ("write_durably", "Attempt._give_place"):
        with monkeypatch.context() as patch:
            patch.setattr(f"coupling_bench.store.attempts.{where}", stopped)
            with pytest.raises(KeyboardInterrupt):
                store.get_or_make(SPEC, make)
    assert found == [[], [UNFINISHED, "weights"]]
    entry, made = store.get_or_make(SPEC, pytest.fail)
    assert not made and entry.facts == {"steps": 3}
    assert names(entry.folder) == [MANIFEST, "weights"]
    assert names(tmp_path) == sorted([address(SPEC), "locks"])


def test_what_a_link_to_another_entry_leads_to_is_compared_too(tmp_path):
    """A snapshot of a stage, and the base of adapters, are links to files of another entry."""
    store = Store(tmp_path)
    other = store.get_or_make(OTHER, write)[0].folder

    def link(folder):
        (folder / "weights").symlink_to(f"../{other.name}/weights")
        (folder / "base").symlink_to(f"../{other.name}")
        return {}

    entry, _ = store.get_or_make(SPEC, link)
    assert Store(tmp_path).holds(SPEC)
    for damaged, reason in ((other / "weights", "weights"), (other / "snapshots" / "1", "1")):
        before = damaged.read_text()
        damaged.write_text("other")
        with pytest.raises(DamagedError, match=reason):
            entry.check()
        damaged.write_text(before)
    entry.check()


def test_whoever_was_taken_over_takes_what_the_other_one_has_made(tmp_path, said):
    """And deletes nothing of it, however far it has come itself."""
    store, elsewhere = Store(tmp_path / "store"), Store(tmp_path / "elsewhere")
    theirs = elsewhere.get_or_make(SPEC, lambda folder: write(folder) | {"steps": 9})[0].folder

    def make(folder):
        note = store.root / "locks" / f"{address(SPEC)}.json"
        owner = json.loads(note.read_text()) | {"process": 1, "host": "elsewhere"}
        note.write_text(json.dumps(owner))
        shutil.copytree(theirs, store.folder(SPEC))
        return write(folder)

    entry, made = store.get_or_make(SPEC, make)
    assert (entry.facts, made) == ({"steps": 9}, False)
    assert any("process 1 on elsewhere" in note and "has taken it over" in note for note in said)
    assert not (store.root / "failed").exists()


def test_an_entry_that_turns_bad_while_its_claim_is_held_is_set_aside_without_waiting(
    tmp_path, monkeypatch
):
    store, looks = Store(tmp_path), []
    store.get_or_make(SPEC, write)

    def read_twice(folder, spec=None):
        looks.append(folder)
        if len(looks) == 1:
            return None
        raise DamagedError("it is cut")

    monkeypatch.setattr("coupling_bench.store.read", read_twice)
    assert store.get_or_make(SPEC, write)[1]


def test_the_log_is_for_people_and_damages_no_entry(tmp_path):
    store = Store(tmp_path)
    entry, _ = store.get_or_make(
        SPEC, lambda folder: (folder / "stage.log").write_text("a") and write(folder)
    )
    (entry.folder / "stage.log").write_text("a process that outlives its stage says more")
    assert Store(tmp_path).holds(SPEC)
