"""Singular values and subspaces of the weights, and edits of them, as figures."""

from coupling_bench.report.charts import Chart
from coupling_bench.report.rows import Record, column, numbers, once, settings, table
from coupling_bench.report.strips import strips
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import node

TURNS = {
    "rotation": "training", "matched_rotation": "a random change of equal norm",
    "random_rotation": "random subspaces",
}  # fmt: skip
STAYS = {
    "value_change": "of the singular values", "norm": "of the matrix",
    "unchanged": "share of weights unchanged", "value_share": "share of the change in values",
}  # fmt: skip
AT_EQUAL_GAIN = {
    "rotation": "rotation of subspaces", "value_change": "change of singular values",
    "unchanged": "weights unchanged", "principal_overlap": "overlap with principal weights",
}  # fmt: skip


def charts(record: Record) -> list[Chart]:
    """What turns, what stays, what edits restore or undo, and both methods at equal gain."""
    drawn: list[Chart | None] = []
    for where, rows in settings(once(table(record, "spectra"))):
        drawn += [
            _strips(
                f"How far the leading singular subspaces turn{where}",
                "Root mean square sine of the principal angles of U and V, k a quarter of the "
                "smaller side, mean over the query, key, value and down projections; from the "
                "start of a stage to its end, of the long SFT from its best moment out of domain.",
                rows, "stage", TURNS, "sine",
            ),
            _strips(
                f"What of the weights changes{where}",
                "Changes relative to the Frobenius norm. A weight counts as unchanged that moved "
                "by less than a thousandth of itself.",
                rows, "stage", STAYS, "relative change, or share",
            ),
        ]  # fmt: skip
    for where, rows in settings(once(table(record, "edits"))):
        drawn += [
            _strips(
                f"What edited weights do to {of}{where}",
                "A part of the end’s matrices put back to an earlier moment, beside controls.",
                found, "edit", {"change": "change of accuracy"}, "change of accuracy",
                beside=("norm",),
            )
            for (of,), found in grouped(rows, "of").items()
        ]  # fmt: skip
    for where, rows in settings(once(table(record, "equal_gain"))):
        drawn.append(_strips(
            f"RL and SFT where both have gained the same reward{where}",
            "Both from the base, at nine tenths of the smaller of their largest gains.",
            rows, "stage", AT_EQUAL_GAIN, "sine, relative change, or share", beside=("norm",),
        ))  # fmt: skip
    return [one for one in drawn if one]


def _strips(
    title: str,
    says: str,
    rows: list[Record],
    by: str,
    names: dict[str, str],
    axis: str,
    beside: tuple[str, ...] = (),
) -> Chart | None:
    arms = grouped(rows, by).items()
    return strips(
        title,
        says,
        [(node(arm), [column(found, key) for key in names]) for (arm,), found in arms],
        list(names.values()),
        axis,
        numbers(rows, (by, "seed", *names, *beside), title),
    )
