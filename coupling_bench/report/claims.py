"""Claims of a record: the answer in plain English, and where an effect's marks stand."""

from collections import Counter
from pathlib import PurePosixPath
from typing import Any

from coupling_bench.claims import chance_words
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import (
    capitalized,
    comparison,
    counted,
    is_number,
    listed,
    plain,
    words,
)

VERDICTS = ("supported", "refuted", "inconclusive", "not applicable", None)
NO_VERDICT = "no verdict"
SHAPES = {
    "supported": "supported",
    "refuted": "refuted",
    "inconclusive": "inconclusive",
    "not applicable": "not-applicable",
}
MET = {
    True: ("supported", "met"),
    False: ("refuted", "not met"),
    None: ("inconclusive", "not known"),
}

MOST_TOLD = 4
"""Pairs of model and task whose outcomes are told in words; the matrix has them all."""
FIRST = "Both orders of the paper"
"""What the claims are called whose tests lie in no folder of their own."""

Record = dict[str, Any]


def tally(claims: list[Record]) -> list[tuple[str, str, int]]:
    """How many claims got each verdict, as (shape, word, count), verdicts in a fixed order."""
    counts = Counter(claim.get("verdict") for claim in claims)
    order = [*VERDICTS, *(verdict for verdict in counts if verdict not in VERDICTS)]
    return [(*shape(verdict), counts[verdict]) for verdict in order if counts[verdict]]


def shape(verdict: str | None) -> tuple[str, str]:
    """The mark and the word of a verdict."""
    return SHAPES.get(verdict or "", "none"), NO_VERDICT if verdict is None else verdict


def answer(claims: list[Record]) -> list[str]:
    """What was asked and what came out, one sentence a string."""
    if not claims:
        return ["This run tested no claim."]
    pairs = list(dict.fromkeys((c["model"], c["task"]) for c in claims))
    told = [_asked(claims, pairs)]
    if 1 < len(pairs) <= MOST_TOLD:
        told += [_outcome(claims, model, task) for model, task in pairs]
    if back := sum(bool(claim.get("reversed")) for claim in claims):
        subject = "One refuted claim has" if back == 1 else f"{back} refuted claims have"
        told.append(f"{subject} the whole interval on the other side of zero.")
    if any(claim.get("verdict") is None for claim in claims):
        told.append(
            "A claim without a verdict was run at a scale that checks the code, not the claim."
        )
    return told


def _asked(claims: list[Record], pairs: list[tuple[str, str]]) -> str:
    where = f"{len(pairs)} pairs of model and task"
    if len(pairs) == 1:
        where = "model {} and task {}".format(*pairs[0])
    seeds = sorted({len(claim.get("seeds") or []) for claim in claims})
    span = counted(seeds[0], "seed") if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    many = len({_sentence(claim) for claim in claims})
    verdicts = f", {len(claims)} verdicts" if many < len(claims) else ""
    return (
        f"This run tested {counted(many, 'claim')} on {where}, over {span}{verdicts}: "
        f"{_sum(claims)}."
    )


def _outcome(claims: list[Record], model: str, task: str) -> str:
    here = [claim for claim in claims if (claim["model"], claim["task"]) == (model, task)]
    return f"On {model} and {task}: {_sum(here)}."


def _sum(claims: list[Record]) -> str:
    return listed(
        [f"{count} {word}" if word != NO_VERDICT else f"{count} without a verdict"
         for _, word, count in tally(claims)]
    )  # fmt: skip


def accepted(claim: Record) -> str | None:
    """What the reference records of a verdict: that it is accepted, or that it has changed."""
    if not claim.get("accepted"):
        return None
    if claim["accepted"] == claim.get("verdict"):
        return "accepted in the reference"
    return f"the reference accepts: {claim['accepted']}{chance_words(claim)}"


def decides(claim: Record) -> str:
    """What would settle a claim that these seeds leave open, or that it is settled."""
    if claim.get("verdict") in ("supported", "refuted"):
        return "It is decided."
    if claim.get("verdict") == "not applicable":
        return "A run in which its preconditions hold."
    if claim.get("verdict") is None:
        return "A run at a larger scale."
    if is_number(claim.get("seeds_needed")):
        return f"An effect of this size would take {counted(claim['seeds_needed'], 'seed')}."
    return "This run does not say how many seeds it would take."


def view(claims: list[Record]) -> list[Record]:
    """Claims with all that the page says of them beside what the record does.

    Claims of one sentence, on several models or tasks, share the section that their id names.
    """
    places: dict[object, int] = {}
    return [
        {
            **claim,
            "id": f"claim-{places.setdefault(_sentence(claim), len(places) + 1)}",
            "mark": shape(claim.get("verdict")),
            "reference": accepted(claim),
            "decides": decides(claim),
            "requires": [
                {**need, "mark": MET.get(need.get("met"), MET[None])}
                for need in claim.get("requires") or []
            ],
        }
        for claim in claims
    ]


def _sentence(claim: Record) -> tuple[str, str]:
    return claim["claim"], folder(claim)


def sentences(claims: list[Record]) -> list[Record]:
    """Claims, as `view` gives them, by their sentence: one section of the page each."""
    return [
        {
            **members[0],
            "members": members,
            "tally": tally(members),
            "asked": list(dict.fromkeys(asked(claim) for claim in members)),
            "undecided": any(one.get("verdict") in ("refuted", "inconclusive") for one in members),
            "requires": any(one["requires"] for one in members),
            "beside": any(one.get("beside") for one in members),
            "seeds": list(dict.fromkeys(s for one in members for s in one.get("seeds") or [])),
        }
        for members in grouped(claims, "id").values()
    ]


def by_seed(claim: Record, seeds: list[object]) -> list[Record]:
    """A claim's effect and the views beside it, each with its value at some seeds."""
    effect = {**claim, "name": "the effect that decides", "note": None}
    rows = []
    for row in (effect, *(claim.get("beside") or [])):
        values = dict(zip(claim.get("seeds") or [], row.get("per_seed") or [], strict=False))
        rows.append({**row, "cells": [values.get(seed) for seed in seeds]})
    return rows


def asked(claim: Record) -> str:
    """What the effect is compared with, in words and with its unit."""
    return f"{comparison(claim)} {claim.get('unit') or ''}".strip()


def settings(claims: list[Record]) -> list[tuple[str, ...]]:
    """What claims were tested on, in the order of their appearance: model, task and scale."""
    return list(dict.fromkeys(setting(claim) for claim in claims))


def setting(claim: Record) -> tuple[str, ...]:
    """What a claim was tested on."""
    return tuple(plain(claim.get(key)) for key in ("model", "task", "scale"))


def groups(claims: list[Record]) -> list[tuple[str, list[tuple[str, str, int]], list[Record]]]:
    """Claims, as `view` gives them, by the folder of their tests: name, tally, claims."""
    by_folder = grouped([{**claim, "folder": folder(claim)} for claim in claims], "folder")
    ordered = sorted(by_folder.items(), key=lambda item: item[0] != ("",))  # else as they came
    return [(capitalized(words(name)) or FIRST, tally(found), found) for (name,), found in ordered]


def folder(claim: Record) -> str:
    """The folder of a claim's test among the suites; empty for the suites' own."""
    parts = PurePosixPath(str(claim.get("test") or "").split("::")[0]).parent.parts
    inside = parts[parts.index("suites") + 1 :] if "suites" in parts else parts
    return ", ".join(inside)


FILTERS = {use.__name__: use for use in (asked, by_seed, sentences, setting)}
