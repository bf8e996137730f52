"""Theorems: what must hold of any policies, checked on instances, with zero violations.

A claim is about what training does, and has an interval over seeds. A theorem is about numbers: one
instance that breaks it is enough. A statement that is false is declared so, and its test must show
an instance that breaks it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Theorem:
    """One statement, where it stands, and under which assumptions it is made."""

    sentence: str
    cites: str
    """Source with its version, theorem or equation; what is derived says from what."""
    assumes: str = ""
    """What an instance must satisfy, in words."""
    false: bool = False
    """Whether the statement is false as it stands, so that an instance must break it."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What became of a theorem on instances."""

    outcome: str
    """``passed`` or ``failed``."""
    message: str
    record: dict[str, Any]


def theorem(sentence: str, *, cites: str, assumes: str = "", false: bool = False):
    """Mark a test as the one that checks a theorem, or that breaks a false one.

    Args:
        sentence: the statement in words.
        cites: source with its version, theorem or equation.
        assumes: what the instances satisfy.
        false: the statement is false as it stands; the test must find an instance that breaks it.
    """
    import pytest

    return pytest.mark.theorem(
        Theorem(sentence=sentence, cites=cites, assumes=assumes, false=false)
    )


def check(
    statement: Theorem,
    slack: npt.ArrayLike,
    *,
    tolerance: float,
    unit: str,
    where: Sequence[str] | Mapping[str, npt.ArrayLike] | None = None,
) -> Checked:
    """Say whether every instance satisfies a theorem: its slack is not below ``-tolerance``.

    Args:
        statement: what is checked.
        slack: one number an instance, any shape: the larger side of the inequality minus the
            smaller, or minus the distance of the two sides of an equality.
        tolerance: what rounding may cost, in ``unit``.
        unit: of the slack.
        where: what to say of an instance: a text each, or named arrays of the shape of ``slack``.

    Raises:
        ValueError: there is no instance, or a slack is not a number.
    """
    slacks = np.atleast_1d(np.asarray(slack, dtype=float))
    if slacks.size == 0 or np.isnan(slacks).any():
        found = "no instance" if slacks.size == 0 else f"{int(np.isnan(slacks).sum())} NaN"
        raise ValueError(f"check: {statement.sentence!r} got {found}, needed one number each.")
    worst = int(slacks.argmin())
    least = float(slacks.flat[worst])
    violations = int((slacks < -tolerance).sum())
    at = _describe(where, worst)
    broken = violations > 0
    record = {
        "theorem": statement.sentence,
        "cites": statement.cites,
        "assumes": statement.assumes,
        "false": statement.false,
        "instances": int(slacks.size),
        "violations": violations,
        "least_slack": least if np.isfinite(least) else None,
        "tolerance": tolerance,
        "unit": unit,
        "where": at,
    }
    numbers = (
        f"{violations} of {slacks.size} instances break it; the least slack is {least:.3g} {unit}"
        + (f", at {at}" if at else "")
    )
    name = f"{statement.sentence} ({statement.cites})"
    if statement.false:
        outcome = "passed" if broken else "failed"
        text = "FALSE, AS DECLARED" if broken else "NOT SHOWN TO BE FALSE"
    else:
        outcome = "failed" if broken else "passed"
        text = "VIOLATED" if broken else "HOLDS"
    message = f"{text}: {name}. {numbers}; tolerance {tolerance:g}."
    return Checked(
        outcome=outcome, message=message, record={**record, "outcome": outcome, "message": message}
    )


def agreement(obtained: npt.ArrayLike, expected: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the slack of an equality: minus the distance of its sides, relative to their size.

    -|a - b| / (1 + |a| + |b|), of the shape of the sides, from -1 to 0. Equal infinities agree, and
    nothing is further from each other than an infinity and a number.
    """
    a, b = np.broadcast_arrays(np.asarray(obtained, float), np.asarray(expected, float))
    with np.errstate(invalid="ignore"):
        distance = np.abs(a - b) / (1 + np.abs(a) + np.abs(b))
    one_is_infinite = np.isinf(a) ^ np.isinf(b)
    return -np.where(a == b, 0.0, np.where(one_is_infinite, 1.0, distance))


def _describe(where: Sequence[str] | Mapping[str, npt.ArrayLike] | None, index: int) -> str:
    if where is None:
        return ""
    if isinstance(where, Mapping):
        return ", ".join(
            f"{name} = {np.asarray(values).flat[index]:.6g}" for name, values in where.items()
        )
    return str(where[index])
