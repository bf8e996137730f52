"""Schedules as text: ``sft:200,grpo:100,sft:50`` is a pipeline of three stages from the base.

``KIND:STEPS`` is a stage of so many optimizer steps, ``(A,B)xN`` is what is in brackets N times,
and ``grpo:100[beta=0.1]`` is a stage with another value of a field of its recipe. Each stage starts
from the one before with a fresh optimizer; it goes on in the demonstrations where the schedule has
stopped, and later RL draws prompts and completions of its own.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from coupling_bench import overrides
from coupling_bench.pipelines.recipe import Node, Recipe
from coupling_bench.specs import (
    GRPOSpec,
    JointSpec,
    RLOOSpec,
    ScheduledPEARSpec,
    ScheduledSFTSpec,
    StageSpec,
    of_kind,
)

KINDS: dict[str, tuple[str, Any]] = {
    "sft": ("sft", ScheduledSFTSpec),
    "pear": ("sft", ScheduledPEARSpec),
    "grpo": ("rl", GRPOSpec),
    "rloo": ("rloo", RLOOSpec),
    "joint": ("rl", JointSpec),
}
"""Kinds of stages: the field of a recipe that says how each is trained, and its spec."""
MOST_STEPS = 99_999
MOST_STAGES = 200
WARM = 5
"""Of a stage that is shorter than its recipe's, one in so many steps at most is warm-up."""
ORDER = 1_000
"""What is added to a run's seed for each stage of RL before, to draw anew."""
SAID_BY_THE_SCHEDULE = {
    name: "the schedule says it"
    for name in ("start", "task", "seed", "max_steps", "num_train_epochs", "begin", "sft_seed",
                 "sft_begin")
}  # fmt: skip
EXAMPLE = '--pipeline "sft:200,grpo:100,sft:50"'
GRAMMAR = (
    f"A schedule is KIND:STEPS with commas between, of the kinds {', '.join(KINDS)}; (A,B)xN is "
    f"A,B N times, and grpo:100[beta=0.1] sets a field. For example: {EXAMPLE}"
)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One stage of a schedule, as it was written."""

    kind: str
    steps: int
    options: tuple[tuple[str, str], ...] = ()
    """(field, value) in the order in which they count."""

    def __str__(self) -> str:
        """Return it as it can be written."""
        options = ",".join(f"{name}={value}" for name, value in self.options)
        return f"{self.kind}:{self.steps}" + (f"[{options}]" if options else "")


def parse(text: str) -> list[Part]:
    """Return the stages of a schedule, repetitions written out.

    >>> [str(part) for part in parse("(sft:20, grpo:10)x2")]
    ['sft:20', 'grpo:10', 'sft:20', 'grpo:10']

    Raises:
        ValueError: saying which part is none, and how a schedule is written.
    """
    return _parse(text.strip(), text)


def build(text: str, recipe: Recipe, seed: int) -> StageSpec:
    """Return the last stage of a schedule, nested in those before it.

    Raises:
        ValueError: a part is none, or sets a field that is not there or to what does not fit.
    """
    stage: StageSpec = recipe.base
    demonstrations = of_rl = 0
    for part in parse(text):
        spec = _template(part, recipe, f"--pipeline {text!r}, {part}")
        spec = replace(spec, start=stage, seed=seed)
        if isinstance(spec, ScheduledSFTSpec):
            spec = replace(spec, begin=demonstrations)
            demonstrations += part.steps * spec.batch_size
        else:
            spec = replace(spec, seed=seed + ORDER * of_rl)
            of_rl += 1
        if isinstance(spec, JointSpec):
            spec = replace(spec, sft_seed=seed, sft_begin=demonstrations)
            demonstrations += part.steps * spec.sft_batch_size
        stage = spec
    return stage


def node(text: str) -> Node:
    """Return the node of a schedule."""

    def of_schedule(recipe: Recipe, seed: int) -> StageSpec:
        return build(text, recipe, seed)

    of_schedule.__doc__ = f"Return the schedule {text} from the base."
    return of_schedule


def beginnings(text: str) -> Iterator[str]:
    """Yield what a schedule begins with, its first stage alone first, and last itself."""
    parts = [str(part) for part in parse(text)]
    for end in range(1, len(parts)):
        yield ",".join(parts[:end])
    yield text


def _parse(text: str, whole: str) -> list[Part]:
    found = []
    for piece in _split(text, whole):
        repeated = re.fullmatch(r"\((.*)\)\s*[x*]\s*(\d{1,3})", piece)
        if repeated and int(repeated[2]):
            found += _parse(repeated[1], whole) * int(repeated[2])
        else:
            found.append(_part(piece, whole))
        if len(found) > MOST_STAGES:  # before anything multiplies it further
            raise _wrong(whole, f"it has more than {MOST_STAGES} stages")
    return found


def _split(text: str, whole: str) -> list[str]:
    """Return what stands between the commas that are in no brackets."""
    pieces, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if depth < 0:
            raise _wrong(whole, f"{letter!r} closes what is not open")
        if letter == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += letter
    if depth:
        raise _wrong(whole, "a bracket is not closed")
    return [piece.strip() for piece in pieces]


def _part(piece: str, whole: str) -> Part:
    found = re.fullmatch(r"(\w+)\s*:\s*([-+.\w]*)\s*(?:\[(.*)\])?", piece)
    if found is None:
        raise _wrong(whole, f"{piece!r} is no stage" if piece else "a stage is missing")
    kind, steps, options = found.groups()
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise _wrong(whole, f"{kind!r} is no kind of stage{hint}")
    if not re.fullmatch(r"\d{1,5}", steps) or not int(steps):
        raise _wrong(
            whole, f"{kind} has {steps or 'no'} steps, needed is a whole number, 1 to {MOST_STEPS}"
        )
    pairs = [tuple(map(str.strip, one.partition("=")[::2])) for one in _split(options or "", whole)]
    if options is not None and not all(name and value for name, value in pairs):
        raise _wrong(whole, f"[{options}] is not [field=value,...]")
    return Part(kind=kind, steps=int(steps), options=tuple(pairs) if options else ())  # type: ignore[arg-type]


def _wrong(whole: str, found: str) -> ValueError:
    return ValueError(f"--pipeline {whole!r}: {found}. {GRAMMAR}")


def _template(part: Part, recipe: Recipe, origin: str) -> Any:
    """Return the recipe of a part's kind with its steps and its own options."""
    place, kind = KINDS[part.kind]
    of_recipe = getattr(recipe, place)
    options: dict[str, Any] = {"max_steps": part.steps}
    if place == "sft":
        options |= {"num_train_epochs": 1}
    else:
        # Half as many snapshots as the spine's RL: observing each costs as much as a few steps.
        options |= {"snapshot_every": 2 * recipe.rl.snapshot_every}
    if kind is JointSpec:
        options |= {"sft_weight": 1.0, "sft_batch_size": recipe.sft.batch_size}
    spec = of_kind(kind, of_recipe, **options)
    spec = replace(spec, warmup_steps=min(spec.warmup_steps, part.steps // WARM))
    for name, value in part.options:
        told = overrides.Override(
            section=part.kind, path=(name,), value=overrides.as_toml(value), origin=origin
        )
        spec = overrides.with_field(spec, told.path, told.value, told, SAID_BY_THE_SCHEDULE)
    return spec
