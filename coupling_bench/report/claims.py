"""Claims of a record: the answer in plain English, and where an effect's marks stand."""

from collections import Counter
from pathlib import PurePosixPath
from typing import Any

from coupling_bench.report.tables import grouped
from coupling_bench.report.text import capitalized, counted, is_number, listed, words

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
    settings = dict.fromkeys((c["model"], c["task"]) for c in claims)
    sentences = [_asked(claims, list(settings))]
    if len(settings) > 1:
        sentences += [_outcome(claims, model, task) for model, task in settings]
    if back := sum(bool(claim.get("reversed")) for claim in claims):
        subject = "One refuted claim has" if back == 1 else f"{back} refuted claims have"
        sentences.append(f"{subject} the whole interval on the other side of zero.")
    if any(claim.get("verdict") is None for claim in claims):
        sentences.append(
            "A claim without a verdict was run at a scale that checks the code, not the claim."
        )
    return sentences


def _asked(claims: list[Record], settings: list[tuple[str, str]]) -> str:
    where = f"{len(settings)} pairs of model and task"
    if len(settings) == 1:
        where = "model {} and task {}".format(*settings[0])
    seeds = sorted({len(claim.get("seeds") or []) for claim in claims})
    span = counted(seeds[0], "seed") if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    asked = counted(len(claims), "claim")
    return f"This run tested {asked} on {where}, over {span}: {_sum(claims)}."


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
    return f"the reference accepts: {claim['accepted']}"


def decides(claim: Record) -> str | None:
    """What would settle a claim that these seeds leave open."""
    if claim.get("verdict") != "inconclusive":
        return None
    if is_number(claim.get("seeds_needed")):
        return f"An effect of this size would take {counted(claim['seeds_needed'], 'seed')}."
    return "This run does not say how many seeds it would take."


def strip(claim: Record) -> dict[str, Any] | None:
    """Places, in percent of a strip's width, of a claim's zero, margin, interval and values."""
    low, high = claim.get("interval") or (None, None)
    margins = [claim.get("margin")]
    if claim.get("direction") == "equal_within" and is_number(margins[0]):
        margins = [-abs(margins[0]), abs(margins[0])]
    seeds = claim.get("per_seed") or []
    known = [v for v in (0.0, claim.get("effect"), low, high, *margins, *seeds) if is_number(v)]
    width = max(known) - min(known)
    if not width or not is_number(claim.get("effect")):
        return None

    def place(value: float) -> float:
        return round(6 + 88 * (value - min(known)) / width, 2)

    return {
        "zero": place(0.0),
        "margins": [place(value) for value in margins if is_number(value)],
        "low": place(low) if is_number(low) else 0,
        "high": place(high) if is_number(high) else 100,
        "effect": place(claim["effect"]),
        "seeds": [place(value) for value in seeds if is_number(value)],
    }


def view(claims: list[Record]) -> list[Record]:
    """Claims with all that the page says of them beside what the record does."""
    return [
        {
            **claim,
            "id": f"claim-{place}",
            "mark": shape(claim.get("verdict")),
            "reference": accepted(claim),
            "decides": decides(claim),
            "strip": strip(claim),
            "requires": [
                {**need, "mark": MET.get(need.get("met"), MET[None])}
                for need in claim.get("requires") or []
            ],
        }
        for place, claim in enumerate(claims, start=1)
    ]


def groups(claims: list[Record]) -> list[tuple[str, list[tuple[str, str, int]], list[Record]]]:
    """Claims, as `view` gives them, by the folder of their tests: name, tally, claims."""
    by_folder = grouped([{**claim, "folder": folder(claim)} for claim in claims], "folder")
    ordered = sorted(by_folder.items(), key=lambda item: item[0] != ("",))  # else as they came
    return [(capitalized(words(name)) or FIRST, tally(found), found) for (name,), found in ordered]


def folder(claim: Record) -> str:
    """The folder of a claim's test among the suites; empty for the suites' own."""
    parts = PurePosixPath((claim.get("test") or "").split("::")[0]).parent.parts
    inside = parts[parts.index("suites") + 1 :] if "suites" in parts else parts
    return ", ".join(inside)
