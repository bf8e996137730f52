"""What is asked: which checkpoints, on which task, in which words."""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coupling_bench import catalog, scales
from coupling_bench.catalog import Device, Entry
from coupling_bench.pipelines import SplitName, splits_of
from coupling_bench.specs import CheckpointSpec, ImportSpec, TaskSpec
from coupling_bench.store import MANIFEST, Store
from coupling_bench.tasks import FIELD

ADDRESS = re.compile(r"[A-Za-z]+Spec-[0-9a-f]*")
"""The address of a store's entry, or the beginning of one."""
SCALE = "small"
"""The scale whose corpora are measured on: they are whole there."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """Checkpoints by name, in the order in which they are compared, and what they are asked."""

    checkpoints: Sequence[tuple[str, str]]
    """(name, folder, Hub id, entry of models.toml, or address in the store)."""
    task: TaskSpec
    split: SplitName = "held_out"
    store: Store
    entries: Mapping[str, Entry] = field(default_factory=dict)
    """Of models.toml."""
    prompts: str = "auto"
    """``plain``, ``chat``, or ``auto``: as it was trained if that is known, else chat if the
    tokenizer has a template."""
    prompt_template: str | None = None
    """With a field ``{sentence}`` or ``{prompt}``; None: the one that a stage of our own was
    trained on, else that of models from elsewhere."""
    device: Device = "auto"

    def stages(self) -> dict[str, ImportSpec]:
        """Return each checkpoint as a stage that trains nothing, found and fetched if need be.

        Raises:
            FileNotFoundError: a checkpoint cannot be found or fetched.
            ValueError: the question makes no sense, or what was named is no checkpoint.
        """
        self._check()
        return {name: self._stage(name, source) for name, source in self.checkpoints}

    def _check(self) -> None:
        names = Counter(name for name, _ in self.checkpoints)
        if not names:
            raise ValueError(
                "measure: no checkpoint was named, needed at least one: --sft FOLDER, or "
                "--checkpoint NAME=FOLDER."
            )
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise ValueError(
                f"measure: two checkpoints are called {twice[0]!r}. Give one another name: "
                "--checkpoint NAME=FOLDER."
            )
        if self.split not in splits_of(self.task):
            raise ValueError(
                f"measure: the task {self.task.name} has no split {self.split}, it has "
                f"{', '.join(splits_of(self.task))}. Name a file for it in task.toml."
            )
        template = self.prompt_template
        if template is not None and not FIELD.search(template):
            raise ValueError(
                f"measure: the prompt template {template!r} has no field {{sentence}} or "
                "{prompt}, so every prompt would be the same."
            )

    def _stage(self, name: str, source: str) -> ImportSpec:
        begins = self.store.root.glob(f"{source}*") if ADDRESS.fullmatch(source) else ()
        inside = [folder for folder in begins if folder.is_dir()]
        entry = catalog.find(str(inside[0]) if len(inside) == 1 else source, self.entries)
        trained = _trained_as(entry.source)
        prompts = self.prompts if self.prompts != "auto" else trained.get("prompts")
        asked = dataclasses.replace(entry, name=name, prompts=prompts or entry.prompts)
        model = asked.describe(self.device)
        if not isinstance(model, CheckpointSpec):
            raise ValueError(
                f"measure: {name}: {source} is a shape in models.toml and no checkpoint: the "
                "suites pretrain it. Name what they made, a folder of the store: PretrainSpec-..."
            )
        task = scales.recipe(model, self.task, SCALE).task
        template = self.prompt_template or trained.get("prompt_template") or task.prompt_template
        return ImportSpec(start=model, task=dataclasses.replace(task, prompt_template=template))


def find_task(name: str, data_dir: Path | None = None) -> TaskSpec:
    """Return a task by its name or by the path of a ``task.toml``.

    Args:
        name: one of ``scales.TASKS``, or a path that ends in ``.toml``.
        data_dir: where CoLA's files lie.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: there is no such task, or its files are malformed.
    """
    if not name.endswith(".toml") and name not in scales.TASKS:
        near = difflib.get_close_matches(name, scales.TASKS, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"task: {name!r} is unknown; valid: {', '.join(scales.TASKS)}, or the path of a "
            f"task.toml.{hint}"
        )
    if data_dir is not None and name != "cola":
        raise ValueError(f"task: {name} reads no files from {data_dir}; a data folder is cola's.")
    return scales.task(name, SCALE, data_dir)


def _trained_as(source: str | None) -> dict[str, str]:
    """Return how a stage of our own was prompted, from the manifest beside its weights."""
    path = Path(source or "").expanduser() / MANIFEST
    if source is None or not path.is_file():
        return {}
    try:
        spec: Any = json.loads(path.read_text(encoding="utf-8"))["spec"]
        found = {"prompt_template": str(spec["task"]["prompt_template"])}
    except (ValueError, KeyError, TypeError):
        return {}  # a file of that name that is none of ours
    while isinstance(spec, dict):  # up to the model that it descends from
        if spec.get("prompts") in ("plain", "chat"):
            found["prompts"] = spec["prompts"]
        spec = spec.get("start")
    return found
