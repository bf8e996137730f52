"""``task.toml``: a user's own task, read into a spec."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coupling_bench import verifiers
from coupling_bench.specs import JsonlSpec
from coupling_bench.tasks.jsonl import keys
from coupling_bench.tasks.jsonl.splits import load
from coupling_bench.verifiers import functions
from coupling_bench.verifiers.kinds import KINDS


def read_task(path: str | Path) -> JsonlSpec:
    """Return the task that a file describes, after reading all that it names to its end.

    Args:
        path: of the TOML file; the files that it names are relative to its folder.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a key is unknown or its value of no use, or a row is malformed, or the verifier
            cannot judge the rows. The message names file and key, or file, line and field.
    """
    path = Path(path).expanduser().resolve()
    document = _parse(path)
    try:
        fields = keys.fields(document)
        closed = fields.get("answers") is not None
        fields |= _verifier(document.get("verifier", {}), closed, path.parent)
        fields |= _files(document, path.parent)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    spec = JsonlSpec(**fields, folder=str(path.parent))
    load(spec)
    return spec


def _parse(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is no file. A task is described by a TOML file; docs/your_own.md has its keys."
        )
    try:
        document = tomllib.loads(path.read_bytes().decode())
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not UTF-8 text.") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: not TOML: {error}.") from None
    document.setdefault("name", path.parent.name if path.stem == "task" else path.stem)
    return document


def _verifier(table: Mapping[str, Any], closed: bool, folder: Path) -> dict[str, Any]:
    options = dict(table)
    kind = options.pop("kind", "label" if closed else None)
    if kind is None:
        raise ValueError(
            f"[verifier] kind is missing, needed {_kinds()}. It may be left out where there are "
            "answers."
        )
    if kind == "label" and not closed:
        raise ValueError("[verifier] kind: label needs a closed set, answers = [...].")
    if kind in KINDS:
        try:
            changed = verifiers.changed(verifiers.build(kind, options))
        except ValueError as error:
            raise ValueError(f"[verifier] {error}.") from None
        return {"verifier": kind, "verifier_options": changed}
    if not functions.REFERENCE.fullmatch(kind):
        near = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"[verifier] kind: found {kind!r}, needed {_kinds()}.{hint}")
    if options:
        raise ValueError(f"[verifier] {next(iter(options))}: a function has no options here.")
    return {"verifier": kind, "verifier_source": functions.find(kind, folder).source}


def _kinds() -> str:
    return f"{', '.join(KINDS)} or module:function"


def _files(document: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    data = document.get("data", {})
    if "train" not in data:
        raise ValueError("[data] train is missing, needed the name of a JSONL file.")
    paths = {split: folder / data[split] for split in keys.SPLITS if split in data}
    for split, path in paths.items():
        if not path.is_file():
            raise FileNotFoundError(f"[data] {split}: {path} is no file.")
    digests = {split: _sha256(path) for split, path in paths.items()}
    return {
        "files": tuple(digests.items()),
        "paths": tuple((split, str(path)) for split, path in paths.items()),
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
