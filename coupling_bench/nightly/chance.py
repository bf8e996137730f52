"""May a verdict differ from the accepted one by chance? What pytest asks for one claim alone.

The gate judges a night's claims as one family. A test has to say what became of its own claim,
before the others have run: its family are this claim's quantities, its level the gate's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coupling_bench.nightly.band import LEVEL
from coupling_bench.nightly.evidence import SEEDS, find, of_claim
from coupling_bench.nightly.findings import Kind, Row
from coupling_bench.nightly.rows import decide, find_bands, verdict_of


def explain(claim: Mapping[str, Any], references: Path) -> str | None:
    """Return in a sentence why a verdict that differs from the accepted one may do so by chance.

    Args:
        claim: a row of a record, with the ``accepted`` verdict.
        references: folder of the accepted verdicts; the reference's seeds lie in ``seeds/``.

    Returns:
        None where it may not, or where there are too few seeds of this very recipe to say so.
    """
    folder = references / SEEDS
    seeds = find(folder).claims.values() if folder.is_dir() else ()
    same = ("model", "task", "scale", "claim", "recipe")
    for old in seeds:
        if all(old.claim.get(name) == claim[name] for name in same):
            row = Row(
                key=(*old.setting, claim["claim"]), old=old, new=of_claim(claim),
                before=claim["accepted"], after=claim["verdict"],
            )  # fmt: skip
            return row.note if by_chance(row) else None
    return None


def by_chance(row: Row) -> bool:
    """Say whether the effect, and what the claim presupposes, lie where the reference's seeds are.

    These seeds, four times as many as a run's, must have the verdict from before: else that one had
    been luck. Fills the row.
    """
    find_bands([row], LEVEL)
    decide(row, LEVEL, {})
    told = row.kind is Kind.FINE and row.together is not None
    return told and row.old is not None and verdict_of(row.old) == row.before
