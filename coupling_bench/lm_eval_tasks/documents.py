"""The documents of the tasks: sentences, their prompts and their truth.

lm-eval calls these functions with the model's arguments and ``--metadata`` as keywords.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from coupling_bench import scales, tasks
from coupling_bench.specs import ColaSpec
from coupling_bench.tasks import Item
from coupling_bench.tasks import cola as cola_files

PROMPT = "COUPLING_BENCH_PROMPT"
"""Environment variable: the template of every prompt, with ``{sentence}`` in it."""
SPLITS = ("held_out", "out_of_domain")


def cola(data_dir: str | None = None, **metadata: Any) -> dict[str, Any]:
    """Return CoLA's in-domain and out-of-domain dev sets, whole, in the order of the files.

    Args:
        data_dir: folder of the authors' files; None: the one that the environment names, else
            the Hub's copy.
        metadata: what else lm-eval knows.

    Raises:
        FileNotFoundError: a file is missing, or the Hub cannot be reached.
        ValueError: a line of a file, or the template, is malformed.
    """
    folder = data_dir or os.environ.get(cola_files.FOLDER)
    splits = cola_files.evaluation_splits(Path(folder).expanduser() if folder else None)
    return _datasets("cola", splits, template(metadata))


def grammar(**metadata: Any) -> dict[str, Any]:
    """Return the embedded corpus's evaluation splits at the scale ``small``."""
    spec: Any = scales.task("grammar", "small")
    # They are drawn first and do not depend on what is drawn for training.
    splits = tasks.load(replace(spec, pretraining_size=0, prompts_size=0)).splits
    return _datasets("grammar", splits, template(metadata))


def environments_template() -> str | None:
    """Return the template that the environment names, if it names one."""
    return os.environ.get(PROMPT, "").replace("\\n", "\n") or None


def template(metadata: Mapping[str, Any]) -> str:
    r"""Return the template that lm-eval was given, else the environment's, else ``{sentence}\n``.

    Raises:
        ValueError: it has no place for the sentence.
    """
    given = metadata.get("prompt_template") or environments_template()
    chosen = given or ColaSpec.prompt_template
    if not tasks.FIELD.search(chosen):
        raise ValueError(
            f"{PROMPT}: the prompt {chosen!r} has no {{sentence}}, so all prompts would be the "
            "same. Write {sentence} where the sentence belongs."
        )
    return chosen


def _datasets(corpus: str, splits: Mapping[str, Sequence[Item]], template: str) -> dict[str, Any]:
    from datasets import Dataset

    return {
        split: Dataset.from_list(
            [
                {
                    "id": f"{corpus}/{split}/{number}",
                    "sentence": item.text,
                    "prompt": tasks.render(template, item.text),
                    "truth": item.truth,
                    "group": item.group,
                }
                for number, item in enumerate(splits[split])
            ]
        )
        for split in SPLITS
    }
