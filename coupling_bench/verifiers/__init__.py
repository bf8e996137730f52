"""What a completion earns on a user's own task: the verifiers that a ``task.toml`` may name.

``exact``, ``contains``, ``label``, ``numeric`` and ``json`` are ours (``kinds``);
``module:function`` is a reward function of the user's own, as TRL's GRPOTrainer takes it
(``functions``). Both have ``truth``, which reads the truth of a row, ``check`` and ``rewards``.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coupling_bench import typed
from coupling_bench.specs import JsonlSpec
from coupling_bench.verifiers import functions
from coupling_bench.verifiers.functions import RewardFunction
from coupling_bench.verifiers.kinds import KINDS, Verifier

__all__ = ["KINDS", "RewardFunction", "Verifier", "build", "changed", "of"]


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
    hints = typed.hints(KINDS[kind])
    fitted = {}
    for name, value in options.items():
        if name not in hints:
            near = difflib.get_close_matches(name, hints, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ValueError(f"{name} is no option of {kind}, which has {', '.join(hints)}.{hint}")
        try:
            fitted[name] = typed.fit(name, hints[name], value)
        except typed.Unfit as error:
            raise ValueError(f"{name}: {error}") from None
    return KINDS[kind](**fitted)


def changed(verifier: Verifier) -> tuple[tuple[str, Any], ...]:
    """Return the options that are not the defaults, sorted by name: what a spec holds."""
    values = {
        field.name: getattr(verifier, field.name)
        for field in dataclasses.fields(verifier)
        if getattr(verifier, field.name) != field.default
    }
    return tuple(sorted(values.items()))
