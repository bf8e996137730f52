"""A model from elsewhere as the base of a pipeline: its files are linked, nothing is trained.

What differs from the folder that it comes from is the tokenizer alone: it knows how an answer
ends, and something to pad with.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from filelock import FileLock
from transformers import AutoConfig, AutoTokenizer

from coupling_bench import checkpoints, models, prompting
from coupling_bench.specs import CheckpointSpec, ImportSpec
from coupling_bench.stages.training import quiet_libraries


def run(spec: ImportSpec, start: Path | None, folder: Path) -> dict[str, Any]:
    """Link the model's files into ``folder``, beside the tokenizer as it is used here."""
    quiet_libraries()
    tokenizer = load_tokenizer(spec.start)
    prompting.prepare(spec.start, tokenizer)
    link(spec.start, folder)
    _check_vocabulary(spec.start, tokenizer)
    tokenizer.save_pretrained(folder)
    models.end_snapshots(folder, 0)
    return {
        "steps": 0,
        "snapshots": [0],
        "seed": spec.seed,
        "prompts": spec.start.prompts,
        "end_of_answer": tokenizer.eos_token,
    }


def _check_vocabulary(model: CheckpointSpec, tokenizer: Any) -> None:
    """Refuse an end or a padding token that the model has no embedding of."""
    source = model.adapted.folder if model.adapted is not None else model.folder
    config = AutoConfig.from_pretrained(
        source, local_files_only=True, trust_remote_code=model.trust_remote_code
    )
    known = config.get_text_config().vocab_size
    for name in ("eos_token", "pad_token"):
        number = getattr(tokenizer, f"{name}_id")
        if number >= known:
            raise ValueError(
                f"model {model.name}: its tokenizer's {name} {getattr(tokenizer, name)!r} has the "
                f"number {number}, and the model has embeddings of {known} tokens. Resize its "
                "embeddings, or set another token in its tokenizer_config.json."
            )


def refresh(spec: ImportSpec, folder: Path) -> None:
    """Make sure that an entry's links lead to the very files that ``spec`` names.

    Whoever trains on may have written over the folder that the model was first imported from, or
    have removed it. The folder that the spec names now has just been read and has these files.

    Raises:
        FileNotFoundError: neither folder has them.
    """
    if _is_fresh(spec.start, folder):
        return
    with FileLock(f"{folder}.links"):
        if not _is_fresh(spec.start, folder):
            link(spec.start, folder)
        if not _is_fresh(spec.start, folder):
            raise FileNotFoundError(
                f"model {spec.start.name}: the files in {spec.start.folder} are not those that "
                "this run began with. Leave them alone while a run uses them, and run again."
            )


def _is_fresh(model: CheckpointSpec, folder: Path) -> bool:
    linked = {path.name for path in folder.iterdir() if path.is_symlink() and path.is_file()}
    wanted = {f.name for f in checkpoints.files(Path(model.folder)) if _is_linked(f)}
    same = wanted <= linked
    if same and model.files:
        known = {name: digest for name, digest in model.files if name in wanted}
        same = all(checkpoints.digest(folder / name) == known.get(name) for name in wanted)
    adapted = model.adapted is None or _is_fresh(model.adapted, folder / models.BASE)
    return same and adapted


def _is_linked(file: Path) -> bool:
    return not file.name.startswith(checkpoints.TOKENIZER)


def load_tokenizer(model: CheckpointSpec) -> Any:
    """Return the model's own tokenizer; adapters without one use that of what they adapt."""
    own = Path(model.folder)
    bare = model.adapted is not None and not (own / "tokenizer_config.json").exists()
    source = Path(model.adapted.folder) if bare and model.adapted else own
    return AutoTokenizer.from_pretrained(
        source, local_files_only=True, trust_remote_code=model.trust_remote_code
    )


def link(model: CheckpointSpec, folder: Path) -> None:
    """Link weights and configuration into ``folder``; adapters get what they adapt as ``base``."""
    for file in filter(_is_linked, checkpoints.files(Path(model.folder))):
        link_to = folder / f"{file.name}.new"
        link_to.symlink_to(file.resolve())
        link_to.replace(folder / file.name)
    if model.adapted is not None:
        base = folder / models.BASE
        base.mkdir(exist_ok=True)
        link(model.adapted, base)
