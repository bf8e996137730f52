"""CoLA's files: read as they are, refused with file, line and field where they are broken."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from coupling_bench import scales, tasks
from coupling_bench.tasks import cola

REAL = Path(__file__).parents[3] / "shared" / "data" / "cola"
real_data = pytest.mark.skipif(not REAL.is_dir(), reason=f"the CoLA files are not at {REAL}")
LINE = 'own\t1\t\tShe said "yes.'


@pytest.fixture
def folder(tmp_path):
    """A small corpus in CoLA's format, of our own sentences."""
    for name in cola.FILES.values():
        rows = [f"own\t{i % 2}\t{'*' * (i % 2 == 0)}\t{name} sentence {i} ." for i in range(20)]
        (tmp_path / name).write_text("\n".join([LINE, *rows]) + "\n", encoding="utf-8")
    return tmp_path


def test_a_quotation_mark_is_a_character(folder):
    first = cola.read_file(folder / "in_domain_dev.tsv")[0]
    assert (first.text, first.truth) == ('She said "yes.', cola.ACCEPTABLE)


def test_a_line_ends_at_a_newline_and_nowhere_else(folder):
    """Python would also split at a line separator, and csv refuse a very long field."""
    odd = "a\u2028b\x0cc " + "x" * 200_000
    (folder / "in_domain_dev.tsv").write_bytes(f"own\t1\t\t{odd}\r\nown\t0\t*\tb .".encode())
    items = cola.read_file(folder / "in_domain_dev.tsv")
    assert [item.text for item in items] == [odd, "b ."]


def test_no_sentence_of_a_held_out_split_is_trained_on(folder):
    task = tasks.load(scales.task("cola", "small", folder))
    trained = {i.text for s in ("pretraining", "sft", "rl") for i in task.splits[s]}
    assert not trained & {i.text for s in ("held_out", "out_of_domain") for i in task.splits[s]}
    pretrained = {item.text for item in task.splits["pretraining"]}
    assert not pretrained & {item.text for item in task.splits["sft"]}
    assert task.splits["sft"] == task.splits["rl"]


def test_the_identity_is_the_content_and_not_the_place(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in cola.FILES.values():
        (elsewhere / name).write_bytes((folder / name).read_bytes())
    here, there = (scales.task("cola", "small", place) for place in (folder, elsewhere))
    from coupling_bench.fingerprint import fingerprint

    assert fingerprint(here) == fingerprint(there)
    (elsewhere / "in_domain_dev.tsv").write_text("own\t1\t\tAnother .\n")
    assert fingerprint(here) != fingerprint(scales.task("cola", "small", elsewhere))
    assert fingerprint(here) != fingerprint(replace(here, seed=1))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"own\t1\tA sentence .\n", "line 2: found 3 tab-separated fields, needed 4"),
        (b"own\tyes\t\tA .\n", r"line 2: the label \(field 2\) is 'yes', needed 0 or 1"),
        (b"own\t1\t\t \n", r"line 2: the sentence \(field 4\) is empty"),
        (b"own\t1\t\t\xff .\n", "line 2: not UTF-8"),
    ],
)
def test_a_broken_line_is_named(folder, content, found):
    path = folder / "in_domain_dev.tsv"
    path.write_bytes(LINE.encode() + b"\n" + content)
    with pytest.raises(ValueError, match=found) as caught:
        cola.digests(folder)
    assert "in_domain_dev.tsv" in str(caught.value)


def test_a_missing_or_empty_file_is_named(folder):
    (folder / "in_domain_train.tsv").write_text("")
    with pytest.raises(ValueError, match=r"in_domain_train\.tsv holds no sentences"):
        cola.digests(folder)
    os.remove(folder / "in_domain_train.tsv")
    with pytest.raises(FileNotFoundError, match=r"in_domain_train\.tsv is missing\. --data"):
        cola.digests(folder)


@real_data
def test_the_real_corpus_has_its_published_sizes_and_majority():
    sizes = {split: len(cola.read_file(REAL / name)) for split, name in cola.FILES.items()}
    assert sizes == {"train": 8551, "held_out": 527, "out_of_domain": 516}
    held_out = cola.read_file(REAL / cola.FILES["held_out"])
    share = sum(item.truth == cola.ACCEPTABLE for item in held_out) / len(held_out)
    assert 2 * share - 1 == pytest.approx(0.3852, abs=5e-5)


def test_the_hubs_copy_is_read_from_its_two_files(tmp_path, monkeypatch):
    """Files as the Hub serves them, in a cache of our own making; nothing is fetched."""
    import huggingface_hub
    import pandas

    def serve(dataset, name, repo_type, revision):
        assert (dataset, repo_type, revision) == (cola.HUB_DATASET, "dataset", cola.HUB_REVISION)
        return str(tmp_path / Path(name).name)

    sizes = {"train": 60, "validation": 540}
    for path, size in zip(map(Path, cola.HUB_FILES), sizes.values(), strict=True):
        rows = {
            "sentence": [f"{path.name} {i}" for i in range(size)],
            "label": [1, 0] * (size // 2),
        }
        pandas.DataFrame(rows).to_parquet(tmp_path / path.name)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", serve)
    task = tasks.load(scales.task("cola", "small"))
    assert len(task.splits["pretraining"]) + len(task.splits["sft"]) == 60
    assert (len(task.splits["held_out"]), len(task.splits["out_of_domain"])) == (527, 13)
    assert [item.truth for item in task.splits["held_out"][:2]] == [0, 1]


def test_without_a_network_one_sentence_says_what_to_do(monkeypatch):
    import huggingface_hub

    def fail(*arguments, **options):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    with pytest.raises(FileNotFoundError, match=r"from the Hub \(ConnectionError\)\. Give a local"):
        scales.task("cola", "small")
