"""The models that suites run on: ``suites/models.toml``, and whatever else users name.

An entry says what a model is; ``describe`` finds it (in a folder, on the Hub) when it is needed and
not before, so that collecting the suites reads no weights.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from coupling_bench import checkpoints, overrides, scales, typed
from coupling_bench.overrides import Override
from coupling_bench.pipelines import Recipe
from coupling_bench.scales import SCALES
from coupling_bench.specs import CheckpointSpec, LoraSpec, ModelSpec, TaskSpec

Device = Literal["auto", "cpu", "cuda"]
STAGES = ("pretrain", "sft", "grpo", "rloo", "dpo")
"""Tables of an entry that override fields of its specs."""
TOML_NAMES = {str: "string", dict: "table", list: "list", bool: "boolean"}
KEYS: dict[str, type] = {
    "source": str, "shape": dict, "revision": str, "prompts": str, "dtype": str, "attention": str,
    "lora": dict, "marks": list, "default": bool, "scale": str, "trust_remote_code": bool,
    **dict.fromkeys(STAGES, dict),
}  # fmt: skip
PROMPTS = ("auto", "plain", "chat")
DTYPES = ("float32", "bfloat16")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One model that can be asked for, before it is looked for."""

    name: str
    source: str | None = None
    """A folder or an id of the Hub; None: it is pretrained here, with ``shape``."""
    shape: Mapping[str, Any] | None = None
    """Fields of a ModelSpec."""
    revision: str | None = None
    prompts: str = "auto"
    dtype: str = "float32"
    attention: str = "auto"
    trust_remote_code: bool = False
    lora: LoraSpec | None = None
    gpu: bool = False
    default: bool = False
    scale: str = "small"
    overrides: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    """Fields of its specs, by stage."""

    def describe(self, device: Device = "auto") -> ModelSpec | CheckpointSpec:
        """Return the model, found and fetched if need be.

        Args:
            device: ``auto``: CUDA for an entry that is marked gpu, and for any model from
                elsewhere where there is a CUDA device; the CPU otherwise.

        Raises:
            FileNotFoundError: it cannot be found or fetched; the message says what to do.
        """
        options: dict[str, Any] = {
            "dtype": self.dtype,
            "attention": self.attention,
            "device": self._device(device),
            "trust_remote_code": self.trust_remote_code,
        }
        if self.source is None:
            return ModelSpec(name=self.name, **options, **(self.shape or {}))
        return checkpoints.find(
            self.source, name=self.name, revision=self.revision, prompts=self.prompts, **options
        )

    def recipe(
        self,
        task: TaskSpec,
        scale: str,
        *,
        device: Device = "auto",
        lora: LoraSpec | None = None,
        changes: Iterable[Override] = (),
    ) -> Recipe:
        """Return how every stage of the model is trained, found and fetched if need be.

        Args:
            task: as ``scales.task`` returns it.
            scale: one of ``SCALES``.
            device: as for ``describe``.
            lora: adapters; None: as the entry says.
            changes: what users say otherwise, which counts more than what the entry says.

        Raises:
            FileNotFoundError: the model cannot be found or fetched.
            ValueError: an override does not fit.
        """
        recipe = scales.recipe(self.describe(device), task, scale, lora or self.lora)
        own = overrides.from_tables(self.overrides, f"models.toml, {self.name}")
        return overrides.apply(recipe, [*own, *changes])

    def _device(self, asked: Device) -> str:
        if asked != "auto":
            return asked
        if self.gpu:
            return "cuda"
        return "cuda" if self.source is not None and cuda_is_there() else "cpu"


@functools.cache
def cuda_is_there() -> bool:
    """Say whether torch finds a CUDA device."""
    import torch

    return torch.cuda.is_available()


def read(path: Path) -> dict[str, Entry]:
    """Return the entries of a ``models.toml`` by name, in its order; none if there is no file.

    Raises:
        ValueError: it is malformed; the message names file, entry and key.
    """
    if not path.is_file():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"models: {path} is not TOML ({error}).") from None
    return {name: _entry(name, table, path) for name, table in tables.items()}


def find(asked: str, entries: Mapping[str, Entry]) -> Entry:
    """Return the entry of a name, of a listed source, or a new one of a folder or a Hub id.

    Raises:
        ValueError: it is none of these.
    """
    if not asked.strip():
        raise ValueError("found an empty name, needed a model. Is the variable set?")
    if asked in entries:
        return entries[asked]
    for entry in entries.values():
        if entry.source == asked:
            return entry
    if Path(asked).expanduser().is_dir() or "/" in asked:
        path = Path(asked).expanduser()
        last = path.resolve().name if path.exists() else asked.rstrip("/")
        name = re.sub(r"[^a-z0-9._-]+", "-", last.rsplit("/", 1)[-1].lower()).strip("-.")
        return Entry(name=name or "model", source=asked)
    near = difflib.get_close_matches(asked, entries, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ValueError(
        f"{asked!r} is unknown: no entry of models.toml ({', '.join(entries)}), no folder, and no "
        f"Hub id, which has the form OWNER/NAME.{hint}"
    )


def _entry(name: str, table: Any, path: Path) -> Entry:
    where = f"models: {path}, [{name}]"
    if not isinstance(table, dict):
        raise ValueError(f"{where}: found {table!r}, needed a table.")
    if not NAME.fullmatch(name):
        raise ValueError(f"{where}: a name is made of letters, digits, '.', '_' and '-'.")
    for key, value in table.items():
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ValueError(f"{where}: {key!r} is unknown; valid: {', '.join(KEYS)}.{hint}")
        if not isinstance(value, KEYS[key]):
            raise ValueError(f"{where}: {key} is {value!r}, needed a {TOML_NAMES[KEYS[key]]}.")
    if ("source" in table) == ("shape" in table):
        raise ValueError(f"{where}: needed either source (a model from elsewhere) or shape.")
    for key, valid in (("prompts", PROMPTS), ("dtype", DTYPES), ("scale", SCALES)):
        if table.get(key, valid[0]) not in valid:
            raise ValueError(f"{where}: {key} is {table[key]!r}, needed one of {', '.join(valid)}.")
    if not set(table.get("marks", ())) <= {"gpu"}:
        raise ValueError(f'{where}: marks is {table["marks"]!r}; the one known mark is "gpu".')
    plain = {key: table[key] for key in table if key not in ("marks", "lora", "shape", *STAGES)}
    if "source" in plain and (path.parent / plain["source"]).is_dir():
        plain["source"] = str(path.parent / plain["source"])
    return Entry(
        name=name,
        gpu="gpu" in table.get("marks", ()),
        shape=_fields(ModelSpec, table["shape"], f"{where}: shape") if "shape" in table else None,
        lora=(
            LoraSpec(**_fields(LoraSpec, table["lora"], f"{where}: lora"))
            if "lora" in table
            else None
        ),
        overrides={stage: table[stage] for stage in STAGES if stage in table},
        **plain,
    )


def _fields(kind: type, table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the fields of a spec that a table gives, checked by name and type."""
    known = {n: hint for n, hint in typed.hints(kind).items() if n != "name"}
    for key in table:
        if key not in known:
            raise ValueError(f"{where}: {key!r} is unknown; valid: {', '.join(known)}.")
    needed = [
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.name not in ("name", *table)
    ]
    if needed:
        raise ValueError(f"{where}: {', '.join(needed)} missing.")
    try:
        return {key: typed.fit(key, known[key], value) for key, value in table.items()}
    except typed.Unfit as error:
        raise ValueError(f"{where}: {error}.") from None
