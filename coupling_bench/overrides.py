"""What a user says differently from a recipe: ``--set grpo.beta=0.04``, or a TOML file of tables.

An override changes a field of a spec, so it enters the fingerprint by itself: what was trained
otherwise is stored under another address. Values are checked by name and type.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from coupling_bench import typed
from coupling_bench.pipelines.recipe import Recipe
from coupling_bench.specs import PretrainSpec

SECTIONS = {"pretrain": "base", "sft": "sft", "grpo": "rl", "rloo": "rloo", "dpo": "dpo"}
"""The name of a stage for users, and its field of a recipe."""
TASK = "task"
OF_STAGES = {
    "start": "the order of the pipeline says what a stage starts from",
    "task": "all stages of a run share one task, whose fields are set as task.FIELD",
    "seed": "each seed of the run is put in in turn; choose how many with --seeds",
}
OF_TASKS = {
    "name": "the task is chosen with --task",
    "files": "it follows from the task's files",
    "paths": "it follows from the task's files",
    "folder": "it follows from the task's files",
    "verifier_source": "it follows from the verifier's file",
}
"""Fields that others set, and who."""


@dataclass(frozen=True, kw_only=True)
class Override:
    """One field, or a table of fields, with its new value."""

    section: str
    """Of ``SECTIONS``, or ``task``."""
    path: tuple[str, ...]
    """The field's name; further names lead into a field that is a spec itself (``lora.rank``)."""
    value: Any
    """As TOML has it."""
    origin: str
    """Where it was said, for messages."""


def parse(text: str) -> Override:
    """Return what ``section.field=value`` says; a value that is no TOML is taken as plain text.

    >>> parse("grpo.beta=0.04").value, parse("sft.optim=sgd").value
    (0.04, 'sgd')

    Raises:
        ValueError: there is no ``=``, or no field before it.
    """
    name, equals, value = text.partition("=")
    section, *path = (part.strip() for part in name.split("."))
    if not equals or not path or not all([section, *path]):
        raise ValueError(
            f"--set: found {text!r}, needed section.field=value, for example grpo.beta=0.04."
        )
    return Override(
        section=section, path=tuple(path), value=as_toml(value), origin=f"--set {name.strip()}"
    )


def read(path: Path) -> list[Override]:
    """Return what the tables of a TOML file say, in the order of the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no TOML, or has values outside of tables.
    """
    if not path.is_file():
        raise FileNotFoundError(f"--recipe: there is no file {path}.")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"--recipe {path}: it is no TOML file: {error}.") from None
    for section, table in tables.items():
        if not isinstance(table, dict):
            raise ValueError(
                f"--recipe {path}: {section} stands outside of a table. Put it below the line of "
                f"its stage: [{'], ['.join([*SECTIONS, TASK])}]."
            )
    return from_tables(tables, f"--recipe {path}")


def from_tables(tables: Mapping[str, Mapping[str, Any]], origin: str) -> list[Override]:
    """Return what tables of fields, one a stage, say; ``origin`` is where, for messages."""
    return [
        Override(section=section, path=(name,), value=value, origin=f"{origin}, [{section}] {name}")
        for section, table in tables.items()
        for name, value in table.items()
    ]


def apply(recipe: Recipe, overrides: Iterable[Override]) -> Recipe:
    """Return ``recipe`` with its fields overridden, in order: the last one wins.

    Raises:
        ValueError: naming the field, what was found and what was needed.
    """
    for override in overrides:
        place = _place(recipe, override)
        spec = getattr(recipe, place)
        reserved = OF_TASKS if place == TASK else OF_STAGES
        changed = with_field(spec, override.path, override.value, override, reserved)
        recipe = _consistent(recipe, place, changed)
    return recipe


def as_toml(text: str) -> Any:
    """Return what a value says in TOML, or its text where it is none."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text.strip()
    plain = set(parsed) == {"value"} and isinstance(
        parsed["value"], bool | int | float | str | list | dict
    )
    return parsed["value"] if plain else text.strip()  # a date is a text, and so are two lines


def _place(recipe: Recipe, override: Override) -> str:
    """Return the recipe's field that an override's section stands for."""
    fields = {field.name for field in dataclasses.fields(recipe)}
    places = {name: place for name, place in SECTIONS.items() if place in fields} | {TASK: TASK}
    if override.section not in places:
        raise ValueError(
            f"{override.origin}: there is no section {override.section!r}; "
            + _valid(override.section, places)
        )
    place = places[override.section]
    if override.section == "pretrain" and not isinstance(recipe.base, PretrainSpec):
        raise ValueError(
            f"{override.origin}: the model {recipe.model} is imported and not pretrained here. "
            "Leave the section out, or take --model embedded."
        )
    return place


def with_field(
    spec: Any, path: tuple[str, ...], value: Any, override: Override, reserved: dict[str, str]
) -> Any:
    """Return ``spec`` with the field at ``path`` set, checked.

    Args:
        spec: of a stage or a task.
        path: the field's name; further names lead into a field that is a spec itself.
        value: as TOML has it.
        override: where it was said, for messages.
        reserved: fields that others set, and why.

    Raises:
        ValueError: naming the field, what was found and what was needed.
    """
    name, *rest = path
    kinds = typed.hints(type(spec))
    if name not in kinds:
        raise ValueError(
            f"{override.origin}: {type(spec).__name__} has no field {name!r}; "
            + _valid(name, [one for one in kinds if one not in reserved and not _is_version(one)])
        )
    if name in reserved or _is_version(name):
        reason = reserved.get(name, "it is raised with the code that it counts the versions of")
        raise ValueError(f"{override.origin}: {name} cannot be overridden: {reason}.")
    inner = typed.dataclass_in(kinds[name])
    if inner is not None and (rest or isinstance(value, dict)):
        changed = getattr(spec, name) or inner()
        for further, one in _leaves(tuple(rest), value):
            changed = with_field(changed, further, one, override, {})
        return replace(spec, **{name: changed})
    if rest:
        raise ValueError(f"{override.origin}: {name} has no fields of its own.")
    try:
        return replace(spec, **{name: typed.fit(name, kinds[name], value)})
    except typed.Unfit as error:
        raise ValueError(f"{override.origin}: {error}.") from None


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the fields that a value sets: itself, or those of a table."""
    if not isinstance(value, dict):
        yield path, value
        return
    for name, one in value.items():
        yield from _leaves((*path, name), one)


def _is_version(name: str) -> bool:
    return re.fullmatch(r"\w+_version", name) is not None


def _valid(name: str, names: Iterable[str]) -> str:
    """Return the second half of a message on an unknown name."""
    known = list(names)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"valid names: {', '.join(known)}.{hint}"


def _consistent(recipe: Recipe, place: str, changed: Any) -> Recipe:
    """Return ``recipe`` with one field changed, and all that repeat it with it.

    The stages repeat the task, and their templates the base.
    """
    old = getattr(recipe, place)
    recipe = replace(recipe, **{place: changed})
    repeated = {TASK: "task", "base": "start"}.get(place)
    for field in dataclasses.fields(recipe):
        spec = getattr(recipe, field.name)
        if repeated and field.name != place and getattr(spec, repeated, None) == old:
            recipe = _consistent(recipe, field.name, replace(spec, **{repeated: changed}))
    return recipe
