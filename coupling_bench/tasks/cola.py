"""CoLA, from its authors' files or from the Hub.

The files hold four tab-separated columns (source, label, the author's mark, sentence) without a
header and without quoting: a ``"`` is a character. Nothing of the corpus is part of this package.
"""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

from coupling_bench.specs import ColaSpec
from coupling_bench.tasks import Item, Task

FILES = {
    "train": "in_domain_train.tsv",
    "held_out": "in_domain_dev.tsv",
    "out_of_domain": "out_of_domain_dev.tsv",
}
FOLDER = "COUPLING_BENCH_COLA"
"""Environment variable: the folder of the files, where no option can name it."""
HUB_DATASET = "nyu-mll/glue"
HUB_REVISION = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
HUB_FILES = ("cola/train-00000-of-00001.parquet", "cola/validation-00000-of-00001.parquet")
IN_DOMAIN_DEV_SIZE = 527
"""GLUE's dev set is CoLA's in-domain one, so long, and then the out-of-domain one."""
COLUMNS = 4
ACCEPTABLE, UNACCEPTABLE = 0, 1
"""Indices into the answers; the files write 1 for acceptable and 0 for not."""


def load(spec: ColaSpec) -> Task:
    """Read the files and deal the training sentences out to pretraining, SFT and RL."""
    if spec.folder is None:
        train, held_out, out_of_domain = _read_hub()
    else:
        train, held_out, out_of_domain = (
            read_file(Path(spec.folder) / name) for name in FILES.values()
        )
    evaluated = {item.text for item in (*held_out, *out_of_domain)}
    train = [item for item in _distinct(train) if item.text not in evaluated]
    random.Random(f"cola/{spec.seed}").shuffle(train)
    cut = round(spec.pretraining_share * len(train))
    prompts = tuple(train[cut:][: spec.prompts_size])
    return Task(
        spec=spec,
        splits={
            "pretraining": tuple(train[:cut]),
            "sft": prompts,
            "rl": prompts,
            "held_out": tuple(held_out[: spec.held_out_size]),
            "out_of_domain": tuple(out_of_domain[: spec.held_out_size]),
        },
    )


def evaluation_splits(folder: Path | None) -> dict[str, list[Item]]:
    """Return the dev sets, in-domain and out-of-domain, whole and in the order of the files.

    Args:
        folder: where the authors' files lie; None: the Hub's copy, which is fetched if need be.

    Raises:
        FileNotFoundError: a file is missing, or the Hub cannot be reached.
        ValueError: a line is malformed.
    """
    names = ("held_out", "out_of_domain")
    splits = [read_file(folder / FILES[name]) for name in names] if folder else _read_hub()[1:]
    return dict(zip(names, splits, strict=True))


def digests(folder: Path | None) -> tuple[tuple[str, str], ...]:
    """Return the identity of the files in ``folder``, after reading each of them to its end.

    Args:
        folder: where the authors' files lie; None: the Hub's copy, which is fetched if need be.

    Raises:
        FileNotFoundError: a file is missing, or the Hub cannot be reached.
        ValueError: a line is malformed.
    """
    if folder is None:
        return tuple((path.name, _sha256(path)) for path in _fetch())
    for name in FILES.values():
        read_file(folder / name)
    return tuple((split, _sha256(folder / name)) for split, name in FILES.items())


def read_file(path: Path) -> list[Item]:
    """Return the sentences of one file.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: a line is malformed; the message names file, line and field.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"cola: {path} is missing. --data-dir (with plain lm-eval: COUPLING_BENCH_COLA) must "
            f"name a folder with {', '.join(FILES.values())} (CoLA public 1.1, raw)."
        )
    items = []
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        broken = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ValueError(f"cola: {path}, line {broken}: not UTF-8 text.") from None
    # Lines end at a newline alone: other characters that Python splits at may stand in a sentence.
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], start=1):
        row = line.removesuffix("\r").split("\t")
        if len(row) != COLUMNS:
            raise ValueError(
                f"cola: {path}, line {number}: found {len(row)} tab-separated fields, needed "
                f"{COLUMNS} (source, label, mark, sentence)."
            )
        source, label, _, sentence = row
        if label not in ("0", "1"):
            raise ValueError(
                f"cola: {path}, line {number}: the label (field 2) is {label!r}, needed 0 or 1."
            )
        if not sentence.strip():
            raise ValueError(f"cola: {path}, line {number}: the sentence (field 4) is empty.")
        items.append(_item(sentence.strip(), label == "1", source))
    if not items:
        raise ValueError(f"cola: {path} holds no sentences.")
    return items


def _item(sentence: str, acceptable: bool, source: str) -> Item:
    truth = ACCEPTABLE if acceptable else UNACCEPTABLE
    return Item(text=sentence, truth=truth, response=truth, group=source)


def _distinct(items: list[Item]) -> list[Item]:
    return list({item.text: item for item in items}.values())


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _fetch() -> list[Path]:
    """Return the Hub's files, from its cache where they are there."""
    from huggingface_hub import hf_hub_download, utils

    utils.logging.set_verbosity_error()
    options: dict[str, Any] = {"repo_type": "dataset", "revision": HUB_REVISION}
    try:
        return [Path(hf_hub_download(HUB_DATASET, name, **options)) for name in HUB_FILES]
    except Exception as error:  # any of the Hub client's many network errors
        raise FileNotFoundError(
            f"cola: {HUB_DATASET} could not be fetched from the Hub ({type(error).__name__}). "
            "Give a local copy: --data-dir FOLDER (with plain lm-eval: COUPLING_BENCH_COLA=FOLDER)."
        ) from None


def _read_hub() -> tuple[list[Item], list[Item], list[Item]]:
    import pandas

    train, dev = (
        [
            _item(sentence, label == 1, "hub")
            for sentence, label in pandas.read_parquet(path)[["sentence", "label"]].itertuples(
                index=False
            )
        ]
        for path in _fetch()
    )
    return train, dev[:IN_DOMAIN_DEV_SIZE], dev[IN_DOMAIN_DEV_SIZE:]
