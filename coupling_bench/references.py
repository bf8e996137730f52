"""The accepted records in ``reports/reference/``: one file a model, task and scale."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from coupling_bench.record import Record, read, write

NOT_ACCEPTABLE = (None, "inconclusive")
"""Verdicts that are no finding: none at all (smoke), or undecided."""


def reference_path(folder: Path, model: str, task: str, scale: str) -> Path:
    """Return where the accepted claims of one model, task and scale are kept."""
    return folder / f"{model}-{task}-{scale}.json"


def accepted_verdict(
    folder: Path, model: str, task: str, scale: str, claim: str, recipe: str
) -> str | None:
    """Return the accepted verdict of a claim for exactly this recipe, or None."""
    path = reference_path(folder, model, task, scale)
    if not path.is_file():
        return None
    for entry in read(path)["claims"]:
        if entry["claim"] == claim and entry["recipe"] == recipe:
            return entry["verdict"]
    return None


def left_out(folder: Path, model: str, task: str, scale: str, claims: Iterable[str]) -> list[str]:
    """Return the accepted claims that are not among ``claims``: accepting would forget them."""
    path = reference_path(folder, model, task, scale)
    known = {claim["claim"] for claim in read(path)["claims"]} if path.is_file() else set()
    return sorted(known - set(claims))


def accept(record: Record, folder: Path) -> list[Path]:
    """Write the claims of a record as the accepted ones and return the files written.

    Claims without a verdict and undecided ones are left out: they are no finding. What belongs to
    the machine it ran on (folders in the command) or to a corpus (its sentences) is left out too.
    """
    written = []
    for model, task, scale in sorted({_kind(claim) for claim in record["claims"]}):
        claims = [
            {**claim, "accepted": claim["verdict"], "commit": record["environment"]["commit"]}
            for claim in record["claims"]
            if _kind(claim) == (model, task, scale) and claim["verdict"] not in NOT_ACCEPTABLE
        ]
        if not claims:
            continue
        mine = {
            part: [row for row in record[part] if (row["model"], row["task"]) == (model, task)]
            for part in ("stages", "curves", "abilities", "groups")
        }
        seeds = min((claim["seeds"] for claim in claims), key=len)  # some nodes need more
        chosen_seeds = f"--first-seed {seeds[0]} " * (seeds[0] > 0) + f"--seeds {len(seeds)}"
        command = f"pytest suites --model {model} --task {task} --scale {scale} {chosen_seeds}"
        path = reference_path(folder, model, task, scale)
        environment_ = {**record["environment"], "command": command}
        of_model = {"claims": claims, "theorems": [], "tables": {}, "completions": []}
        chosen = {**record, **mine, **of_model}
        write({**chosen, "environment": environment_}, path)
        written.append(path)
    return written


def _kind(claim: Record) -> tuple[str, str, str]:
    return claim["model"], claim["task"], claim["scale"]
