"""A model from elsewhere as the base of a pipeline: its files are linked, nothing is trained.

What differs from the folder that it comes from is the tokenizer alone: it knows how an answer
ends, and something to pad with.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from coupling_bench import checkpoints, models, prompting
from coupling_bench.specs import CheckpointSpec, ImportSpec
from coupling_bench.stages.training import quiet_libraries


def run(spec: ImportSpec, start: Path | None, folder: Path) -> dict[str, Any]:
    """Link the model's files into ``folder``, beside the tokenizer as it is used here."""
    quiet_libraries()
    tokenizer = load_tokenizer(spec.start)
    prompting.prepare(spec.start, tokenizer)
    link(spec.start, folder)
    tokenizer.save_pretrained(folder)
    models.end_snapshots(folder, 0)
    return {
        "steps": 0,
        "snapshots": [0],
        "seed": spec.seed,
        "prompts": spec.start.prompts,
        "end_of_answer": tokenizer.eos_token,
    }


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
    for file in checkpoints.files(Path(model.folder)):
        if not file.name.startswith(checkpoints.TOKENIZER):
            (folder / file.name).symlink_to(file.resolve())
    if model.adapted is not None:
        base = folder / models.BASE
        base.mkdir()
        link(model.adapted, base)
