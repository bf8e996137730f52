"""Values that were read from text, checked against the annotations of a dataclass.

Only names and types: whether a number makes sense together with others is for who uses it. Three
rules go beyond the type, because the trainers would take what breaks them: a number is finite, what
is counted is there at least once, and a whole number may stand for a float but a boolean for none.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from typing import Any, Literal, Union

NONE = "none"
"""Stands for None, which TOML cannot say, where a field may be None."""
MAY_BE_ZERO = {"seed", "top_k", "warmup_steps"}
"""Whole numbers of which there may be none; all others count something that must be there."""
RANGES = {
    "temperature": (0.0, math.inf), "sampling_temperature": (0.0, math.inf),
    "top_p": (0.0, 1.0), "sampling_top_p": (0.0, 1.0), "learning_rate": (0.0, math.inf),
    "num_generations": (1, math.inf), "likely_share": (0.0, 1.0),
}  # fmt: skip
"""(above, at most) of numbers that would stop a run in its middle, or mean nothing."""
NOT_NEGATIVE = {
    "beta", "weight_decay", "epsilon", "entropy_coef", "label_smoothing", "label_noise",
    "slip_rate", "sft_weight", "sft_weight_end",
}  # fmt: skip
NAMES = {int: "a whole number", float: "a finite number", bool: "true or false", str: "a text"}


class Unfit(ValueError):
    """A value has another type than its field; the message says what was found and needed."""


def hints(kind: type) -> dict[str, Any]:
    """Return the annotation of each field of a dataclass, resolved."""
    resolved = typing.get_type_hints(kind)
    return {field.name: resolved[field.name] for field in dataclasses.fields(kind)}


def dataclass_in(hint: Any) -> type | None:
    """Return the dataclass that a field of type ``hint`` may hold; None if there is none."""
    for member in _members(hint):
        if isinstance(member, type) and dataclasses.is_dataclass(member):
            return member
    return None


def fit(name: str, hint: Any, value: Any) -> Any:
    """Return ``value`` as a field of type ``hint`` holds it.

    Args:
        name: of the field; it says whether a whole number counts something.
        hint: the field's annotation: int, float, bool, str, None, Literal, tuples and unions.
        value: as TOML has it: a list for a tuple, the text ``none`` for None.

    Raises:
        Unfit: the value has another type, is not finite, or counts what must be there as none.
    """
    for member in _members(hint):
        try:
            return _fit_one(name, member, value)
        except Unfit:
            continue
    raise Unfit(f"found {shown(value)}, needed {needed(name, hint)}")


def in_range(name: str, value: float) -> bool:
    """Say whether a number makes sense as the field called ``name``, whatever the others are."""
    above, at_most = RANGES.get(name, (-math.inf, math.inf))
    return above < value <= at_most and (value >= 0 or name not in NOT_NEGATIVE)


def shown(value: Any) -> str:
    """Return ``value`` as a person reads it, with its type where that is the point."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"the text {value!r}" if isinstance(value, str) else f"{value}"


def needed(name: str, hint: Any) -> str:
    """Return what a field of type ``hint`` holds, in words."""
    return " or ".join(_needed_one(name, member) for member in _members(hint))


def _members(hint: Any) -> tuple[Any, ...]:
    """Return the types of a union, or the one type; None first, before a text takes its word."""
    union = typing.get_origin(hint) in (Union, types.UnionType)
    members = typing.get_args(hint) if union else (hint,)
    return tuple(sorted(members, key=lambda one: one is not type(None)))


def _fit_one(name: str, hint: Any, value: Any) -> Any:
    if hint is type(None):
        if value == NONE:
            return None
    elif typing.get_origin(hint) is Literal:
        if any(value == one and type(value) is type(one) for one in typing.get_args(hint)):
            return value
    elif typing.get_origin(hint) is tuple:
        return _fit_tuple(name, typing.get_args(hint), value)
    elif hint is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and _finite(value) and in_range(name, float(value)):
            return float(value)
    elif hint is int:
        if type(value) is int and value >= _least(name) and in_range(name, value):
            return value
    elif type(value) is hint:
        return value
    raise Unfit


def _fit_tuple(name: str, members: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise Unfit
    if members[-1] is Ellipsis:
        members = (members[0],) * len(value)
    if len(value) != len(members):
        raise Unfit
    return tuple(fit(name, hint, one) for hint, one in zip(members, value, strict=True))


def _finite(value: int | float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:  # a whole number that no float can hold
        return False


def _least(name: str) -> int:
    return 0 if name in MAY_BE_ZERO else 1


def _needed_one(name: str, hint: Any) -> str:
    if hint is type(None):
        return f'"{NONE}"'
    if typing.get_origin(hint) is Literal:
        return "one of " + ", ".join(repr(one) for one in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        members = typing.get_args(hint)
        if members[-1] is Ellipsis:
            return f"a list (of each: {needed(name, members[0])})"
        return f"a list of {len(members)} ({', '.join(needed(name, one) for one in members)})"
    if dataclasses.is_dataclass(hint):
        return "a table of " + ", ".join(field.name for field in dataclasses.fields(hint))
    if hint is int:
        return f"a whole number from {max(_least(name), RANGES.get(name, (0,))[0] + 1)}"
    if hint is float and name in RANGES:
        above, at_most = RANGES[name]
        return f"a number above {above:g}" + f" and at most {at_most:g}" * math.isfinite(at_most)
    return "a finite number from 0" if name in NOT_NEGATIVE else NAMES.get(hint, str(hint))
