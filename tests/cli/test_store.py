"""``coupling-bench store``: one line an entry, one sentence a mistake."""

import json

import pytest

from coupling_bench.cli import main
from coupling_bench.fingerprint import address
from tests.store.examples import BASE, OTHER, SFT, filled


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("COUPLING_BENCH_STORE", str(tmp_path / "store"))
    return filled(tmp_path / "store", specs=(BASE, SFT))


def test_ls_shows_each_entry_and_what_is_under_way_or_failed(store, capsys):
    with pytest.raises(ZeroDivisionError):
        store.get_or_make(OTHER, lambda f: 1 / 0)
    assert main(["store", "ls"]) == 0
    shown = capsys.readouterr().out
    assert f"{address(SFT)}         Pretrain, SFT: embedded on grammar, seed 0" in shown
    assert "2 entries" in shown and "failed: SFTSpec-" in shown
    assert main(["store", "ls", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {row["address"] for row in listed["entries"]} == {address(BASE), address(SFT)}


def test_explain_names_what_differs_for_a_node_and_for_an_address(store, capsys):
    asked = ["store", "explain", "base", "--scale", "smoke"]
    assert main(asked) == 0
    shown = capsys.readouterr().out
    assert "is not in" in shown and f"Nearest: {address(BASE)}" in shown
    assert f"  learning_rate: {BASE.learning_rate} there, " in shown
    assert main(["store", "explain", address(SFT)]) == 0
    assert "No other entry is a SFTSpec" in capsys.readouterr().out


def test_verify_fails_on_a_damaged_entry_alone(store, capsys):
    assert main(["store", "verify"]) == 0
    (store.folder(SFT) / "weights").write_text("other")
    assert main(["store", "verify"]) == 1
    assert f"DAMAGED {address(SFT)}: weights is not what" in capsys.readouterr().out


def test_gc_export_and_import_say_what_they_did(store, capsys, tmp_path, monkeypatch):
    file = tmp_path / "sft.tar"
    assert main(["store", "export", address(SFT), "--to", str(file)]) == 0
    assert main(["store", "gc", "--max-size", "1K"]) == 0
    assert "2 entries" in capsys.readouterr().out
    assert main(["store", "import", str(file)]) == 0
    assert address(SFT) in capsys.readouterr().out
    assert store.find(SFT) is not None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["gc"], "say what is to be kept"),
        (["explain", "sftt"], "Did you mean sft"),
        (["explain", "SFTSpec-000000000000"], "Name the node"),
        (["export", "../x", "--to", "a.tar"], "no finished entry"),
        (["import", "nothing.tar"], "there is no file"),
        (["ls", "--store", "/nowhere/at/all"], "there is no store"),
    ],
)
def test_a_mistake_is_one_sentence(store, capsys, arguments, sentence):
    assert main(["store", *arguments]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1
