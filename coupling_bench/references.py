"""The accepted records in ``reports/reference/``: one file a model, task and scale.

A run accepts the folders of suites that it ran; what is accepted of the others stays. So suites
that run by their path alone can be accepted too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from coupling_bench.record import Record, read, write

NOT_ACCEPTABLE = (None, "inconclusive")
"""Verdicts that are no finding: none at all (smoke), or undecided."""
PARTS = ("stages", "curves", "abilities", "groups")
"""What is kept of a record beside its claims: rows of nodes."""
KEPT = ("commit", "cpu")
"""What each accepted claim keeps of the run that it comes from: a file holds those of several."""


def reference_path(folder: Path, model: str, task: str, scale: str) -> Path:
    """Return where the accepted claims of one model, task and scale are kept."""
    return folder / f"{model}-{task}-{scale}.json"


def accepted_verdict(
    folder: Path, model: str, task: str, scale: str, claim: str, recipe: str
) -> str | None:
    """Return the accepted verdict of a claim for exactly this recipe, or None."""
    for entry in _accepted(folder, model, task, scale):
        if entry["claim"] == claim and entry["recipe"] == recipe:
            return entry["verdict"]
    return None


def left_out(
    folder: Path, model: str, task: str, scale: str, claims: Mapping[str, str]
) -> list[str]:
    """Return the accepted claims that are not among ``claims``: accepting would forget them.

    Args:
        folder: of the accepted records.
        model: its name, and so on.
        task: of the claims.
        scale: of the claims.
        claims: the claims of a run, each with the test that judges it.
    """
    ran = {suites_of(test) for test in claims.values()}
    known = {
        c["claim"] for c in _accepted(folder, model, task, scale) if suites_of(c["test"]) in ran
    }
    return sorted(known - claims.keys())


def accept(record: Record, folder: Path) -> list[Path]:
    """Write the claims of a record as the accepted ones and return the files written.

    Claims without a verdict and undecided ones are left out: they are no finding. What belongs to
    the machine it ran on (folders in the command) or to a corpus (its sentences) is left out too.
    """
    written, environment = [], record["environment"]
    for model, task, scale in sorted({_kind(claim) for claim in record["claims"]}):
        claims = [
            {**claim, "accepted": claim["verdict"], **{name: environment[name] for name in KEPT}}
            for claim in record["claims"]
            if _kind(claim) == (model, task, scale) and claim["verdict"] not in NOT_ACCEPTABLE
        ]
        if not claims:
            continue
        path = reference_path(folder, model, task, scale)
        ran = {suites_of(claim["test"]) for claim in record["claims"]}
        before = read(path) if path.is_file() else {}
        kept = [
            {"cpu": before["environment"]["cpu"], **claim}  # not every claim told its own once
            for claim in before.get("claims", [])
            if suites_of(claim["test"]) not in ran
        ]
        mine = {
            part: [row for row in record[part] if (row["model"], row["task"]) == (model, task)]
            for part in PARTS
        }
        if kept:
            for part, rows in mine.items():
                known = {row["node"] for row in rows}
                rows += [row for row in before[part] if row["node"] not in known]
        seeds = min((claim["seeds"] for claim in claims), key=len)  # some nodes need more
        chosen_seeds = f"--first-seed {seeds[0]} " * (seeds[0] > 0) + f"--seeds {len(seeds)}"
        suites = " ".join(sorted({str(suites_of(claim["test"])) for claim in (*claims, *kept)}))
        setting = f"--model {model} --task {task} --scale {scale}"
        command = f"pytest {suites} {setting} {chosen_seeds}"
        of_model = {"claims": [*claims, *kept], "theorems": [], "tables": {}, "completions": []}
        chosen = {**record, **mine, **of_model}
        write({**chosen, "environment": {**environment, "command": command}}, path)
        written.append(path)
    return written


def _accepted(folder: Path, model: str, task: str, scale: str) -> list[Record]:
    path = reference_path(folder, model, task, scale)
    return read(path)["claims"] if path.is_file() else []


def suites_of(test: str) -> PurePosixPath:
    """Return the folder of the suites that a test belongs to; some run if they are named alone."""
    return PurePosixPath(test.split("::")[0]).parent


def _kind(claim: Record) -> tuple[str, str, str]:
    return claim["model"], claim["task"], claim["scale"]
