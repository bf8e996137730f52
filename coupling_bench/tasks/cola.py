"""CoLA, from its authors' files or from the Hub.

The files hold four tab-separated columns (source, label, the author's mark, sentence) without a
header and without quoting: a ``"`` is a character. Nothing of the corpus is part of this package.
"""

from __future__ import annotations

import csv
import hashlib
import random
from pathlib import Path

from coupling_bench.specs import ColaSpec
from coupling_bench.tasks import Item, Task

FILES = {
    "train": "in_domain_train.tsv",
    "held_out": "in_domain_dev.tsv",
    "out_of_domain": "out_of_domain_dev.tsv",
}
HUB_DATASET = "nyu-mll/glue"
HUB_REVISION = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
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
    evaluated = {item.sentence for item in (*held_out, *out_of_domain)}
    train = [item for item in _distinct(train) if item.sentence not in evaluated]
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


def digests(folder: Path) -> tuple[tuple[str, str], ...]:
    """Return the identity of the files in ``folder``, after reading each of them to its end.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a line is malformed.
    """
    result = []
    for split, name in FILES.items():
        read_file(folder / name)
        result.append((split, hashlib.sha256((folder / name).read_bytes()).hexdigest()))
    return tuple(result)


def hub_digests() -> tuple[tuple[str, str], ...]:
    """Return the identity of the Hub's copy: the data set and its pinned revision."""
    return (("hub", f"{HUB_DATASET}@{HUB_REVISION}"),)


def read_file(path: Path) -> list[Item]:
    """Return the sentences of one file.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: a line is malformed; the message names file, line and field.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"cola: {path} is missing. --data-dir must name a folder with "
            f"{', '.join(FILES.values())} (CoLA public 1.1, raw)."
        )
    items = []
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ValueError(f"cola: {path}, line {line}: not UTF-8 text.") from None
    rows = csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    for number, row in enumerate(rows, start=1):
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
    return Item(sentence=sentence, truth=ACCEPTABLE if acceptable else UNACCEPTABLE, group=source)


def _distinct(items: list[Item]) -> list[Item]:
    return list({item.sentence: item for item in items}.values())


def _read_hub() -> tuple[list[Item], list[Item], list[Item]]:
    """Read GLUE's copy; its dev set is CoLA's in-domain one, then the out-of-domain one."""
    import datasets

    try:
        splits = datasets.load_dataset(HUB_DATASET, "cola", revision=HUB_REVISION)
    except Exception as error:  # any of the Hub client's many network errors
        raise FileNotFoundError(
            f"cola: {HUB_DATASET} could not be loaded from the Hub ({type(error).__name__}). "
            "Give a local copy: --data-dir FOLDER."
        ) from None
    train, dev = (
        [_item(row["sentence"], row["label"] == 1, "hub") for row in splits[name]]
        for name in ("train", "validation")
    )
    in_domain = 527
    return train, dev[:in_domain], dev[in_domain:]
