"""Which rows are trained on and which are held out: dealt by prompt, so that no prompt is both."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from coupling_bench import verifiers
from coupling_bench.answers import REWARD_WRONG
from coupling_bench.specs import JsonlSpec
from coupling_bench.tasks import Item, Task
from coupling_bench.tasks.jsonl import rows
from coupling_bench.verifiers.kinds import Label

FEWEST = 2
"""Rows of a split: one has neither spread nor a neighbour in a batch."""
ASKED = 16
"""Rows that a user's function is tried on: enough to notice, few enough for a slow one."""

Prompt = tuple[tuple[str, str], ...] | str
Rows = list[Item]


def load(spec: JsonlSpec) -> Task:
    """Read the files and deal the training rows out to pretraining, SFT and RL, and held out.

    Raises:
        ValueError: a file is malformed or has changed, a split has too few rows, or the verifier
            cannot judge the rows.
    """
    verifier = verifiers.of(spec)
    files = {
        split: rows.read(Path(path), dict(spec.files)[split], spec, verifier.truth)
        for split, path in spec.paths
    }
    columns = _columns(files)
    verifier.check(columns)
    _check_one_kind(spec, files)
    splits = {
        split: tuple(replace(item, columns=_padded(item, columns)) for item in items)
        for split, items in _deal(spec, files).items()
    }
    _check_sizes(spec, splits)
    return Task(
        spec=spec,
        splits=splits,
        verify=None if verifier == Label() else verifier.rewards,
        reward_of_no_answer=_reward_of_no_answer(spec, verifier, splits["held_out"]),
    )


def _deal(spec: JsonlSpec, files: dict[str, Rows]) -> dict[str, Rows]:
    by_prompt = _by_prompt(files["train"])
    prompts = list(by_prompt)
    random.Random(f"jsonl/{spec.seed}").shuffle(prompts)
    if "held_out" in files:
        held_out = files["held_out"]
    else:
        cut = round(spec.held_out_share * len(prompts))
        held_out = _rows(by_prompt, prompts[:cut])
    out_of_domain = files.get("out_of_domain", [])
    evaluated = _by_prompt([*held_out, *out_of_domain])
    trained = [prompt for prompt in prompts if prompt not in evaluated]
    cut = round(spec.pretraining_share * len(trained))
    prompted = _rows(by_prompt, trained[cut:])[: spec.prompts_size]
    return {
        "pretraining": _rows(by_prompt, trained[:cut]),
        "sft": prompted,
        "rl": prompted,
        "held_out": held_out[: spec.held_out_size],
        "out_of_domain": out_of_domain[: spec.held_out_size],
    }


def _reward_of_no_answer(
    spec: JsonlSpec, verifier: verifiers.Verifier | verifiers.RewardFunction, items: Sequence[Item]
) -> float:
    """Return what a text earns that is none of a closed set; a few stand for them.

    Raises:
        ValueError: it depends on row or text: then probabilities of the answers do not give J.
    """
    if spec.answers is None:
        return REWARD_WRONG
    asked = items[:ASKED]
    first, last = spec.answers[0], spec.answers[-1]
    near = (f"{first}.", f"{last}\n", f" {first}", f"I say {last}", f"{first} {last}")
    nothing = verifier.rewards(asked[:1], [""])[0]
    for text in ("", *(text for text in near if text not in spec.answers)):
        others = [r for r in verifier.rewards(asked, [text] * len(asked)) if r != nothing]
        if others:
            raise ValueError(
                f"verifier {spec.verifier} gives {others[0]} to {text!r}, which is no answer, and "
                f"{nothing} elsewhere. With a closed set of answers all that is none of them must "
                "earn the same: take the verifier label, or leave out answers, and the reward is "
                "estimated from samples."
            )
    return nothing


def _by_prompt(items: Iterable[Item]) -> dict[Prompt, Rows]:
    found: dict[Prompt, Rows] = {}
    for item in items:
        found.setdefault(item.messages or item.text, []).append(item)
    return found


def _rows(by_prompt: dict[Prompt, Rows], prompts: Sequence[Prompt]) -> Rows:
    return [item for prompt in prompts for item in by_prompt[prompt]]


def _columns(files: dict[str, Rows]) -> list[str]:
    """Return the fields of all rows: a field that a row lacks is None there, as in a dataset."""
    rows_of_all = [item for items in files.values() for item in items]
    return list(dict.fromkeys(name for item in rows_of_all for name in item.columns))


def _padded(item: Item, columns: Sequence[str]) -> dict[str, object]:
    return {name: item.columns.get(name) for name in columns}


def _check_one_kind(spec: JsonlSpec, files: dict[str, Rows]) -> None:
    """Refuse a mixture: a reward function is told texts or messages, not now one, now the other."""
    first, *others = [item for items in files.values() for item in items]
    for item in others:
        if bool(item.messages) != bool(first.messages):
            raise ValueError(
                f"{spec.name}: {item.origin} and {first.origin} differ: one has the field prompt, "
                "the other messages. Write all rows in the same way."
            )


def _check_sizes(spec: JsonlSpec, splits: dict[str, tuple[Item, ...]]) -> None:
    needed = {"sft", "held_out"}
    needed |= {"pretraining"} if spec.pretraining_share > 0 else set()
    needed |= {"out_of_domain"} & dict(spec.paths).keys()
    sizes = ", ".join(f"{split} {len(items)}" for split, items in splits.items())
    for split in splits:
        if split in needed and len(splits[split]) < FEWEST:
            raise ValueError(
                f"{spec.name}: the split {split} has too few rows, needed {FEWEST} at least; found "
                f"{sizes}. Add rows to train (prompts that are held out are left out of it), or "
                "change held_out_share or pretraining_share."
            )
