"""What a completion earns on a user's own task: the verifiers that a ``task.toml`` may name.

``exact``, ``contains``, ``label``, ``numeric`` and ``json`` are ours (``kinds``);
``module:function`` is a reward function of the user's own, as TRL's GRPOTrainer takes it
(``functions``). Both have ``truth``, which reads the truth of a row, ``check`` and ``rewards``.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coupling_bench.specs import JsonlSpec
from coupling_bench.verifiers import functions
from coupling_bench.verifiers.functions import RewardFunction
from coupling_bench.verifiers.kinds import KINDS, Verifier

__all__ = ["KINDS", "RewardFunction", "Verifier", "build", "changed", "is_a", "of"]

NEEDED = {bool: "true or false", float: "a finite number", tuple: "a list of texts"}
"""What an option must be, by the type of its default."""


def of(spec: JsonlSpec) -> Verifier | RewardFunction:
    """Return what judges the completions of a task.

    Raises:
        ValueError: a function of the user's cannot be found, or has changed since.
    """
    if spec.verifier in KINDS:
        return build(spec.verifier, dict(spec.verifier_options))
    return functions.find(spec.verifier, Path(spec.folder), spec.verifier_source)


def build(kind: str, options: Mapping[str, Any]) -> Verifier:
    """Return a verifier of the house.

    Args:
        kind: one of ``KINDS``.
        options: fields of that verifier, as TOML has them.

    Raises:
        ValueError: an option is unknown or of no use; the message names it.
    """
    defaults: dict[str, Any] = {f.name: f.default for f in dataclasses.fields(KINDS[kind])}
    for name, value in options.items():
        if name not in defaults:
            near = difflib.get_close_matches(name, defaults, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ValueError(
                f"{name} is no option of {kind}, which has {', '.join(defaults)}.{hint}"
            )
        if not is_a(value, type(defaults[name])):
            raise ValueError(f"{name} is {value!r}, needed {NEEDED[type(defaults[name])]}")
    return KINDS[kind](**{name: type(defaults[name])(value) for name, value in options.items()})


def changed(verifier: Verifier) -> tuple[tuple[str, Any], ...]:
    """Return the options that are not the defaults, sorted by name: what a spec holds."""
    values = {
        field.name: getattr(verifier, field.name)
        for field in dataclasses.fields(verifier)
        if getattr(verifier, field.name) != field.default
    }
    return tuple(sorted(values.items()))


def is_a(value: Any, kind: type) -> bool:
    """Say whether a value from TOML is of ``kind``: true is no number, and nan and inf neither."""
    if kind is float:
        return isinstance(value, int | float) and not _is_bool(value) and math.isfinite(value)
    if kind is tuple:
        return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    return isinstance(value, kind) and (kind is bool or not _is_bool(value))


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)
