"""The checkpoint that a user names: an entry of the store, or a model from elsewhere."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coupling_bench import catalog, checkpoints, scales
from coupling_bench.fingerprint import canonical_json
from coupling_bench.models import ADAPTERS, BASE
from coupling_bench.specs import AnyModel, CheckpointSpec, ColaSpec
from coupling_bench.store import MANIFEST, Store

WHOLE = "config.json"
FEW = 3


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A checkpoint's folder, and how it is asked."""

    folder: Path
    name: str = ""
    model: AnyModel = field(default_factory=lambda: AnyModel(name=""))
    """How it is computed with, and whether prompts go through the tokenizer's chat template."""
    prompt_template: str = ColaSpec.prompt_template
    """What sentences are put into, whatever the environment names."""

    @property
    def chats(self) -> bool:
        """Whether prompts go through the tokenizer's chat template, thinking turned off."""
        return self.model.prompts == "chat"


def find(asked: str, store: Store, models: Path, device: catalog.Device = "auto") -> Checkpoint:
    """Return the checkpoint that ``asked`` names.

    Args:
        asked: the address of a store's entry or the beginning of one, an entry of ``models``, a
            folder, or an id of the Hub. A model from elsewhere is imported into the store.
        store: where addresses are looked up.
        models: a ``models.toml``, which need not exist.
        device: where a model from elsewhere is to run.

    Raises:
        FileNotFoundError: there is none; the message has the nearest names.
        ValueError: the beginning fits several entries, or the model is one that is pretrained here.
    """
    folder = Path(asked).expanduser()
    if (folder / MANIFEST).is_file():
        return of_entry(folder)
    found = [entry for entry in _entries(store) if entry.name.startswith(asked)]
    if len(found) > 1:
        listed = ", ".join(entry.name for entry in found[: 2 * FEW])
        raise ValueError(f"checkpoint: {asked!r} fits {len(found)} entries: {listed}. Write more.")
    if found:
        return of_entry(found[0])
    try:
        known = catalog.find(asked, catalog.read(models))
    except ValueError as error:
        raise FileNotFoundError(f"checkpoint: {error} {_nearest(asked, store)}") from None
    model = known.describe(device)
    if not isinstance(model, CheckpointSpec):
        raise ValueError(
            f"checkpoint: {asked} is pretrained here, differently for each task. Name one of its "
            f"stages instead. {_nearest('PretrainSpec', store)}"
        )
    return dataclasses.replace(of_entry(_imported(model, store)), name=asked)


def of_entry(folder: Path) -> Checkpoint:
    """Return the checkpoint in an entry's folder, asked as it was trained.

    Raises:
        ValueError: its manifest is damaged.
    """
    try:
        spec = json.loads((folder / MANIFEST).read_text())["spec"]
        template, start = spec["task"]["prompt_template"], spec
        while "start" in start:
            start = start["start"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"checkpoint: {folder / MANIFEST} is damaged. Delete that folder and run again."
        ) from None
    return Checkpoint(
        name=folder.name,
        folder=folder,
        model=_model(folder.name, start),
        prompt_template=template,
    )


def digest(folder: Path) -> str:
    """Return the identity of what a checkpoint computes: weights, configuration and tokenizer.

    Those of the base of adapters are part of it; snapshots and provenance are not.
    """
    parts = [(BASE, digest(folder / BASE))] if (folder / BASE).is_dir() else []
    whole = canonical_json([*checkpoints.digests(folder), *parts])
    return hashlib.sha256(whole.encode()).hexdigest()


def _imported(model: CheckpointSpec, store: Store) -> Path:
    """Return the store's entry of a model from elsewhere: its files are linked, not copied."""
    import torch

    from coupling_bench import stages

    threads = torch.get_num_threads()
    base = scales.recipe(model, scales.task("grammar", "small"), "small").base
    entry, _ = stages.make(base, store)
    torch.set_num_threads(threads)  # a stage sets its own
    return entry.folder


def _entries(store: Store) -> Iterator[Path]:
    for manifest in sorted(store.root.glob(f"*/{MANIFEST}")):
        if any((manifest.parent / config).is_file() for config in (WHOLE, ADAPTERS)):
            yield manifest.parent


def _model(name: str, written: Mapping[str, Any]) -> AnyModel:
    known = {field.name for field in dataclasses.fields(AnyModel)} & written.keys()
    return AnyModel(**{"name": name} | {key: written[key] for key in known})


def _nearest(asked: str, store: Store) -> str:
    names = [entry.name for entry in _entries(store)]
    if not names:
        return f"The store {store.root} has no checkpoints; pytest suites trains some."
    near = difflib.get_close_matches(asked, names, n=FEW, cutoff=0.5) or names[:FEW]
    return f"The store {store.root} has {len(names)}, the nearest: {', '.join(near)}."
