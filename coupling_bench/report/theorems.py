"""Theorems of a record: which hold on all instances, which are false, and what shows it."""

from typing import Any

from coupling_bench.report.claims import folder
from coupling_bench.report.rows import column
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import counted, listed, words

RANDOM, MEASURED = "On random policies", "On measured runs"
STATES = {
    (False, False): ("supported", "holds"),
    (False, True): ("refuted", "violated"),
    (True, True): ("false", "false as stated"),
    (True, False): ("inconclusive", "not shown to be false"),
}
"""The mark and the word for whether a statement is declared false, and whether one breaks it."""

Record = dict[str, Any]


def view(rows: list[Record]) -> Record | None:
    """The section as the page's template takes it; None for a run that checked no theorem."""
    if not rows:
        return None
    found = [
        _together(same)
        for same in grouped(
            rows, "model", "theorem", "cites", "false", "unit", "tolerance"
        ).values()
    ]
    groups = [
        {"title": title, "parts": _parts(here), "count": counted(len(here), "statement")}
        for (title,), here in grouped([{**row, "where_from": _where_from(row)} for row in found],
                                      "where_from").items()
    ]  # fmt: skip
    models = {row["model"] for row in found} - {None}
    return {"summary": summary(found), "groups": groups, "names_models": len(models) > 1}


def _where_from(row: Record) -> str:
    """What the instances are, with the folder of the test if that is not about bounds."""
    if row["model"] is None:
        return RANDOM
    about = folder(row)
    return MEASURED if about in ("", "bounds", "theory") else f"{MEASURED}: {words(about)}"


def _parts(rows: list[Record]) -> list[tuple[str, list[Record]]]:
    """False statements, then those that must hold; what came out otherwise first in each."""
    rows = sorted(rows, key=lambda row: row["mark"][1] in ("holds", "false as stated"))
    parts = [
        ("False as stated", [row for row in rows if row["false"]]),
        ("Statements that must hold", [row for row in rows if not row["false"]]),
    ]
    return [(name, here) for name, here in parts if here]


def _together(rows: list[Record]) -> Record:
    """One statement over all its checks: instances add up, the least slack is that of all."""
    false = bool(rows[0].get("false"))
    violations = sum(map(int, column(rows, "violations")))
    worst = min(rows, key=lambda row: min(column([row], "least_slack"), default=float("inf")))
    return {
        **rows[0],
        "false": false,
        "checks": len(rows),
        "instances": sum(map(int, column(rows, "instances"))),
        "violations": violations,
        "least_slack": worst.get("least_slack"),
        "where": worst.get("where"),
        "mark": STATES[false, violations > 0],
    }


def summary(rows: list[Record]) -> str:
    """What was checked and what came out, in numbers alone."""
    words = [row["mark"][1] for row in rows]
    instances = sum(row["instances"] for row in rows)
    parts = [
        f"{count} {said}"
        for word, said in (
            ("holds", "held on every one"), ("violated", "broken"),
            ("false as stated", "false as stated, each shown by an instance"),
            ("not shown to be false", "declared false and not shown to be"),
        )
        if (count := words.count(word))
    ]  # fmt: skip
    return f"{counted(len(rows), 'statement')} on {instances:,} instances: {listed(parts)}."
