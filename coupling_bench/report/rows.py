"""Rows of a record's tables as the page reads them: any value may be missing, any row absurd."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from coupling_bench.report.tables import grouped
from coupling_bench.report.text import capitalized, is_number, number, plain, sign, words

MOST_ROWS = 200
"""Rows of a table on the page. The record holds them all."""
MOST_POINTS = 120
"""Points of a line on the page."""
LABELS = {
    "epsilon": "ε",
    "loss_change": "ΔL",
    "reward_change": "ΔJ",
    "predicted_loss_change": "ΔL predicted",
    "effective_beta": "β effective",
    "group_beta": "β G/(G − 1)",
    "demonstrator_entropy": "H of demonstrators",
    "demonstrator_reward": "J of demonstrators",
    "reward": "J",
    "tilted_reward": "J of tilted optimum",
    "kl_to_tilted": "KL to tilted optimum",
    "kl_demonstrators_rl": "KL demonstrators to RL",
    "forward_kl": "forward KL",
    "reverse_kl": "reverse KL",
    "scale_rewards": "rewards scaled by",
    "kl": "KL",
    "rl_step": "RL step",
    "sft_step": "SFT step",
    "d6": "D6",
    "rho_loss": "ρ of ∇L",
    "rho_reward": "ρ of ∇J",
    "rho_random": "ρ at random",
    "grpo_cosine": "GRPO cosine",
}

Record = dict[str, Any]
Item = TypeVar("Item")


def table(record: Record, name: str) -> list[Record]:
    """The rows of a table; none where the record has no such table.

    A value that is no JSON scalar becomes its text, so that rows can be grouped by any column.
    """
    rows = (record.get("tables") or {}).get(name) or []
    return [
        {
            key: plain(value) if isinstance(value, list | dict) else value
            for key, value in row.items()
        }
        for row in rows
        if isinstance(row, dict)
    ]


def once(rows: list[Record]) -> list[Record]:
    """Rows without those that say the same again: several tests may have told of one run."""
    return list({tuple(row.items()): row for row in rows}.values())


def settings(rows: list[Record], *by: str) -> list[tuple[str, list[Record]]]:
    """Rows by model and task: what to add to a title (nothing if there is one), and the rows."""
    groups = grouped(rows, *(by or ("model", "task")))
    return [
        ("; " + ", ".join(map(plain, key)) if len(groups) > 1 else "", found)
        for key, found in groups.items()
    ]


def known(rows: Iterable[Record], *keys: str) -> list[Record]:
    """The rows that have a finite number in each of some columns."""
    return [row for row in rows if all(is_number(row.get(key)) for key in keys)]


def column(rows: Iterable[Record], key: str) -> list[float]:
    """The finite numbers of a column."""
    return [row[key] for row in rows if is_number(row.get(key))]


def distinct(rows: Iterable[Record], key: str) -> list[Any]:
    """The values of a column, each once: numbers by size, and then what else there is."""
    values = dict.fromkeys(row.get(key) for row in rows)
    numbers = sorted(value for value in values if is_number(value))
    return [*numbers, *(value for value in values if not is_number(value) and value is not None)]


def thinned(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many items, evenly spaced, with the first and the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


def mean(rows: Iterable[Record], key: str) -> float | None:
    """The mean of a column; None where it has no number."""
    return average(column(rows, key))


def average(values: Sequence[float]) -> float | None:
    """The mean of some numbers; None where there are none, or where they are too large for one."""
    total = sum(values)
    return total / len(values) if values and is_number(total) else None


def averaged(rows: list[Record], *by: str) -> list[Record]:
    """One row for each combination of some columns' values: the means of all other numbers."""
    means = []
    for key, found in grouped(rows, *by).items():
        others = [name for name in found[0] if name not in (*by, "seed")]
        row = dict(zip(by, key, strict=True)) | {"seeds": len(found)}
        means.append(row | {name: _together(found, name) for name in others})
    return means


def _together(rows: list[Record], name: str) -> object:
    """The mean of a column, or the value that all rows share; None where they differ."""
    first = rows[0].get(name)
    if all(row.get(name) == first for row in rows):
        return first
    return mean(rows, name)


def label(name: str) -> str:
    """A column's heading."""
    return LABELS.get(name, words(name))


def numbers(rows: list[Record], keys: Sequence[str], caption: str) -> Record:
    """A table of some columns of rows, thinned out if it is long; empty columns are left out."""
    keys = [key for key in keys if any(row.get(key) is not None for row in rows)]
    shown = thinned(rows, MOST_ROWS)
    if len(shown) < len(rows):
        caption += f". {len(shown)} of {len(rows):,} rows, evenly spaced; the record holds all"
    return {
        "caption": caption,
        "heads": [
            (LABELS.get(key) or capitalized(words(key)), _is_numeric(rows, key)) for key in keys
        ],
        "rows": [[_cell(key, row.get(key)) for key in keys] for row in shown],
    }


def _is_numeric(rows: list[Record], key: str) -> bool:
    return all(isinstance(row.get(key), int | float | None) for row in rows)


def _cell(key: str, value: object) -> str:
    if key.endswith("_sign") or key == "guaranteed":
        return sign(value)
    return number(value) if isinstance(value, float) else plain(value)
