"""RL's Razor: what was forgotten by how far a policy went, and what the curve leaves of it."""

from coupling_bench.report.charts import Axis, Chart, Series, chart, style
from coupling_bench.report.rows import (
    Record,
    average,
    averaged,
    column,
    known,
    numbers,
    once,
    settings,
    table,
)
from coupling_bench.report.strips import strips
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import node, plain, ranged

FITS = ("answers", "over", "form", "seeds", "points", "r_squared", "r_squared_of_methods_left_out",
        "rank_correlation", "constant", "linear", "square")  # fmt: skip
POINTS = ("node", "path", "step", "seed", "forward_kl", "forgetting", "residual", "gain")
RESIDUALS = ("method", "node", "seed", "predicted", "forgetting", "residual")
PLACES = 60
"""Of a curve."""


def charts(record: Record) -> list[Chart]:
    """Points and curves, and residuals by method, for each model, task and kind of answers."""
    drawn: list[Chart | None] = []
    every_fit = once(table(record, "razor_fits"))
    of_all = known(once(table(record, "razor")), "forward_kl", "forgetting")
    for where, of_task in settings(of_all):
        for (answers,), rows in grouped(of_task, "answers").items():
            of_these = [
                fit for fit in every_fit
                if all(fit.get(name) == rows[0].get(name) for name in ("model", "task", "answers"))
            ]  # fmt: skip
            title = f", {plain(answers)}{where}"
            drawn += [_points(title, rows, of_these), _residuals(title, rows)]
    return [one for one in drawn if one]


def fits(record: Record) -> list[Record]:
    """What each form of the curve explains, on average over the fits of the seeds."""
    return [
        {**numbers(averaged(rows, "answers", "over", "form"), FITS,
                   f"Forgetting by powers of the forward KL, means over a fit a seed{where}"),
         "title": "Fits of forgetting"}
        for where, rows in settings(known(once(table(record, "razor_fits")), "seed"))
    ]  # fmt: skip


def _points(title: str, rows: list[Record], fitted: list[Record]) -> Chart:
    series = [
        Series(
            name=plain(method), x=column(found, "forward_kl"), y=column(found, "forgetting"),
            texts=[f"{node(plain(row.get('node')))}, seed {plain(row.get('seed'))}"
                   for row in found],
            whole=True, **style(place),
        )
        for place, ((method,), found) in enumerate(grouped(rows, "method").items())
    ]  # fmt: skip
    curves = [
        fit for fit in known(fitted, "seed", "linear", "square")
        if fit.get("form") == "quadratic" and fit.get("over") == "session"
    ]  # fmt: skip
    furthest = max(column(rows, "forward_kl"))
    along = [furthest * place / PLACES for place in range(PLACES + 1)]
    series += [
        Series(
            name="quadratic through the origin, one a seed", x=along,
            y=[(fit["linear"] + fit["square"] * far) * far for far in along],
            tone="muted", mark=None, dash="solid", said=f"seed {plain(fit['seed'])}",
        )
        for fit in curves
    ]  # fmt: skip
    explained = column(curves, "r_squared")
    told = ""
    if explained:
        spread = ranged(average(explained), min(explained), max(explained))
        told = f" R² by seed: {spread}."
    bound = any(row.get("exact") is False for row in rows)
    return chart(
        f"Forgetting by forward KL{title}",
        "Out-of-domain accuracy that a policy has lost since the base, by how far it went from the "
        f"base on the new task. Below zero it has gained.{told}",
        series,
        Axis(title="KL(base ‖ policy), nats/sequence" + (", lower bound" if bound else "")),
        Axis(title="accuracy forgotten", zero=True),
        numbers=numbers(rows, POINTS, "Each policy"),
    )  # fmt: skip


def _residuals(title: str, rows: list[Record]) -> Chart | None:
    return strips(
        f"Forgotten beyond what the forward KL says{title}",
        "Each policy against the curve of its seed, by what trained it last. A method that forgets "
        "more than its divergence says lies to the right.",
        [(plain(method), [column(found, "residual")])
         for (method,), found in grouped(rows, "method").items()],
        ["residual"], "accuracy forgotten minus curve",
        numbers(rows, RESIDUALS, "Residuals"),
    )  # fmt: skip
