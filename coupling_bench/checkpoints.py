"""Models from elsewhere: which files they consist of, where they lie, and who they are.

A folder is known by the sha256 of its files, a repository of the Hub by its commit. Nothing of a
model is executed here: configurations are read as JSON.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from coupling_bench.models import ADAPTERS, BASE
from coupling_bench.specs import CheckpointSpec

TOKENIZER = ("tokenizer", "vocab", "merges", "special_tokens", "added_tokens", "chat_template")
"""What the names of a tokenizer's files begin with."""
WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "pytorch_model*.bin", "*.bin.index.json")
PATTERNS = (
    "config.json", "generation_config.json", "adapter_config.json",
    "tokenizer*", "vocab*", "merges*", "special_tokens*", "added_tokens*", "chat_template*",
)  # fmt: skip
NOT_WEIGHTS = ("optimizer", "training_args", "scheduler", "rng_state")
OF_ADAPTERS = "adapter_model"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
COMMIT = re.compile(r"[0-9a-f]{40}")


def find(
    source: str,
    *,
    name: str,
    revision: str | None = None,
    prompts: str = "auto",
    **options: Any,
) -> CheckpointSpec:
    """Return the model in a folder or in a repository of the Hub, which is fetched if need be.

    Args:
        source: a path or an id of the Hub. A folder that exists is a folder.
        name: what users call it.
        revision: branch, tag or commit of the Hub's repository.
        prompts: ``plain``, ``chat``, or ``auto``: chat if the tokenizer has a template.
        options: further fields of the CheckpointSpec.

    Raises:
        FileNotFoundError: there is no such folder, it is no model, or the Hub cannot be reached.
        ValueError: it is nothing that could be a path or an id.
    """
    folder = Path(source).expanduser()
    commit = None
    if not folder.is_dir():
        folder = _fetch(source, revision, name, trusted=options.get("trust_remote_code", False))
        commit = folder.name if COMMIT.fullmatch(folder.name) else None
    elif not any((folder / config).is_file() for config in ("config.json", "adapter_config.json")):
        raise FileNotFoundError(
            f"model {name}: {folder} holds no config.json and no adapter_config.json, so it is no "
            "model of transformers or peft. Name the folder that save_pretrained wrote."
        )
    adapted = _adapted(folder, name, options)
    known = () if commit else digests(folder)
    _check_tokenizer(folder, adapted, name)
    template = prompts if prompts != "auto" else _prompts(folder, adapted)
    return CheckpointSpec(
        name=name,
        revision=commit,
        files=known,
        folder=str(folder.resolve()),
        adapted=adapted,
        prompts=template,  # type: ignore[arg-type]
        **options,
    )


def _check_tokenizer(folder: Path, adapted: CheckpointSpec | None, name: str) -> None:
    places = [folder, Path(adapted.folder)] if adapted is not None else [folder]
    if not any(file.is_file() for place in places for file in place.glob("*token*")):
        raise FileNotFoundError(
            f"model {name}: {folder} holds no tokenizer (tokenizer.json, tokenizer_config.json). "
            "Save it there too: tokenizer.save_pretrained(FOLDER)"
        )


def files(folder: Path) -> list[Path]:
    """Return the files that a model or its adapters consist of, sorted; safetensors before pickles.

    Raises:
        FileNotFoundError: there are no weights.
    """
    weights = [file for pattern in WEIGHTS for file in folder.glob(pattern)]
    safe = [file for file in weights if "safetensors" in file.name]
    beside = NOT_WEIGHTS if _is_adapters(folder) else (*NOT_WEIGHTS, OF_ADAPTERS)
    weights = [f for f in safe or weights if not f.name.startswith(beside)]
    if not weights:
        raise FileNotFoundError(
            f"{folder} holds no weights (*.safetensors or pytorch_model*.bin). Copy the whole "
            "folder that save_pretrained wrote."
        )
    patterns = PATTERNS if _is_adapters(folder) else [p for p in PATTERNS if p != ADAPTERS]
    others = [file for pattern in patterns for file in folder.glob(pattern)]
    code = list(folder.glob("*.py"))
    return sorted({file for file in (*weights, *others, *code) if file.is_file()})


def digests(folder: Path) -> tuple[tuple[str, str], ...]:
    """Return (name, sha256) of each file of a model: who it is, wherever it lies."""
    return tuple((file.name, digest(file)) for file in files(folder))


def digest(file: Path) -> str:
    """Return the sha256 of a file; one that has not changed since is not read again."""
    real = file.resolve()
    return _sha256(str(real), real.stat().st_mtime_ns, real.stat().st_size)


@functools.lru_cache(maxsize=4096)
def _sha256(path: str, modified: int, size: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(source: str, revision: str | None, name: str, *, trusted: bool) -> Path:
    """Return the Hub client's copy of a repository, complete."""
    if not HUB_ID.fullmatch(source) or Path(source).is_file():
        found = "a file" if Path(source).is_file() else "nothing there"
        raise FileNotFoundError(
            f"model {name}: {source} is {found}, needed the folder that save_pretrained wrote."
        )
    from huggingface_hub import snapshot_download, utils

    utils.logging.set_verbosity_error()
    utils.disable_progress_bars()
    patterns = [*PATTERNS, *WEIGHTS[:2], *(["*.py"] if trusted else [])]
    try:
        return Path(snapshot_download(source, revision=revision, allow_patterns=patterns))
    except Exception as error:  # any of the Hub client's many errors
        raise FileNotFoundError(
            f"model {name}: there is no folder {source}, and it could not be fetched from the Hub "
            f"({type(error).__name__}). Without network, name a local copy: --model FOLDER, or "
            'source = "FOLDER" in models.toml.'
        ) from None


def _adapted(folder: Path, name: str, options: dict[str, Any]) -> CheckpointSpec | None:
    """Return what low-rank adapters in ``folder`` are adapters of; None for a whole model."""
    if not _is_adapters(folder):
        return None
    linked = folder / BASE
    if (
        linked / "config.json"
    ).is_file():  # a stage of ours: it knows what it adapts, wherever the store has gone
        return find(str(linked), name=f"{name} (base)", **options)
    try:
        config = json.loads((folder / ADAPTERS).read_text())
        base, revision = config["base_model_name_or_path"], config.get("revision")
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
        base, revision = None, None
    if not isinstance(base, str) or not base:
        raise ValueError(
            f"model {name}: {folder}/adapter_config.json names no base_model_name_or_path, so "
            "there is nothing to adapt. Write the base model's id or folder there."
        )
    beside = folder / base  # a relative path is meant from where the adapters lie
    found = str(beside) if beside.is_dir() else base
    try:
        return find(found, name=f"{name} (base)", revision=revision, **options)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error} {folder / ADAPTERS} names it as base_model_name_or_path."
        ) from None


def _is_adapters(folder: Path) -> bool:
    """Say whether weights in ``folder`` are adapters' alone; some trainers add a config.json."""
    whole = [file for pattern in WEIGHTS for file in folder.glob(pattern)]
    whole = [file for file in whole if not file.name.startswith((*NOT_WEIGHTS, OF_ADAPTERS))]
    return (folder / ADAPTERS).is_file() and not whole


def _prompts(folder: Path, adapted: CheckpointSpec | None) -> str:
    """Say ``chat`` if the tokenizer brings a template, else ``plain``."""
    config = folder / "tokenizer_config.json"
    if not config.is_file() and adapted is not None:
        return adapted.prompts
    known = config.is_file() and json.loads(config.read_text()).get("chat_template")
    return "chat" if known or any(folder.glob("chat_template*")) else "plain"
