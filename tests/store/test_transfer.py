"""Entries travel whole; what comes in is what it says it is, or nothing of it is taken."""

import io
import json
import shutil
import tarfile

import pytest

from coupling_bench.fingerprint import address
from coupling_bench.store import Store
from coupling_bench.store.entries import MANIFEST
from coupling_bench.store.transfer import export, import_
from tests.store.examples import BASE, RL, SFT, filled


def tree(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_an_entry_goes_with_its_starts_and_arrives_byte_for_byte(tmp_path):
    store, there = filled(tmp_path / "here"), Store(tmp_path / "there")
    file = tmp_path / "rl.tar"
    names = [address(spec) for spec in (BASE, SFT, RL)]
    assert export(store, [address(RL)], file, with_starts=True) == names
    assert import_(there, file) == (sorted(names), [])
    for spec in (BASE, SFT, RL):
        assert tree(there.get(spec).folder) == tree(store.get(spec).folder)
    assert import_(there, file) == ([], sorted(names))
    assert sorted(p.name for p in there.root.iterdir()) == sorted([*names, "locks"])


def edited(tmp_path, change):
    """An export of SFT with one thing changed."""
    store, file = filled(tmp_path / "here", specs=(BASE, SFT)), tmp_path / "sft.tar"
    export(store, [address(SFT)], file, with_starts=False)
    work = tmp_path / "work"
    with tarfile.open(file) as tar:
        tar.extractall(work, filter="data")
    change(work, work / address(SFT))
    file.unlink()
    with tarfile.open(file, "x") as tar:
        for folder in sorted(work.iterdir()):
            tar.add(folder, arcname=folder.name)
    return file


def rewrite(folder, **changes):
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | changes))


def relink(entry):
    """Promise one file and lead to another."""
    (entry / "weights").unlink()
    (entry / "weights").symlink_to("snapshots/1")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda work, entry: (entry / "weights").write_text("v"), "weights is not what"),
        (lambda work, entry: (entry / "weights").unlink(), "weights is missing"),
        (lambda work, entry: (entry / "evil.py").write_text("v"), "evil.py is not in its manifest"),
        (lambda work, entry: (entry / MANIFEST).unlink(), "has no manifest"),
        (lambda work, entry: rewrite(entry, spec={"kind": "SFTSpec"}), "name is not that of"),
        (lambda work, entry: rewrite(entry, spec={}), "kind"),
        (lambda work, entry: relink(entry), "weights is not what"),
        (lambda work, entry: entry.rename(work / "SFTSpec-000000000000"), "name is not that of"),
        (lambda work, entry: entry.rename(work / "lm-eval"), "belongs to no entry"),
    ],
)
def test_what_is_not_what_it_says_is_refused_whole(tmp_path, change, reason):
    file, there = edited(tmp_path, change), Store(tmp_path / "there")
    with pytest.raises(ValueError, match=f"store import: .*{reason}"):
        import_(there, file)
    assert [path.name for path in there.root.iterdir()] == ["locks"]


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "SFTSpec-000000000000/../../out"])
def test_no_name_in_a_file_leads_out_of_the_store(tmp_path, name):
    file, there = tmp_path / "evil.tar", Store(tmp_path / "store" / "inner")
    with tarfile.open(file, "x") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(ValueError, match="is no export of a store"):
        import_(there, file)
    assert [p.name for p in (tmp_path / "store").rglob("*")] == ["inner", "locks"]


def test_links_out_of_the_store_are_not_sent(tmp_path):
    store = filled(tmp_path / "here", specs=(BASE,))
    (tmp_path / "model").write_text("mine")
    (store.folder(BASE) / "model").symlink_to(tmp_path / "model")
    with pytest.raises(ValueError, match=r"lies outside of the store .*--model"):
        export(store, [address(BASE)], tmp_path / "a.tar", with_starts=False)
    assert not list(tmp_path.glob("*.tar"))


def test_what_cannot_be_sent_is_said(tmp_path):
    store = filled(tmp_path / "here", specs=(BASE, SFT))
    file = tmp_path / "a.tar"
    with pytest.raises(FileNotFoundError, match=r"no finished entry \.\./here.*store ls"):
        export(store, ["../here"], file, with_starts=False)
    (store.folder(SFT) / "weights").write_text("other")
    with pytest.raises(ValueError, match="is damaged: weights"):
        export(store, [address(SFT)], file, with_starts=False)
    shutil.rmtree(store.folder(BASE))
    with pytest.raises(FileNotFoundError, match="Leave --with-starts out"):
        export(store, [address(SFT)], file, with_starts=True)
    file.write_text("mine")
    with pytest.raises(FileExistsError, match="is there already"):
        export(store, [address(SFT)], file, with_starts=False)
    assert file.read_text() == "mine"
