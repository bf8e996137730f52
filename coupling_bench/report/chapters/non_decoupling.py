"""When RL can improve SFT: how far SFT and RL went, and where the sign of the change turns."""

from coupling_bench.report.charts import Axis, Chart, Series, chart, style
from coupling_bench.report.grids import cells, grid, largest
from coupling_bench.report.rows import (
    Record,
    averaged,
    column,
    distinct,
    known,
    mean,
    numbers,
    once,
    settings,
    table,
)
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import counted, node, number, plain, ranged

CELLS = ("sft_step", "rl_step", "seeds", "epsilon", "distance", "loss_change", "reward_change",
         "guaranteed", "d6")  # fmt: skip


def charts(record: Record) -> list[Chart]:
    """The grid, and the epsilon at which its sign turns, for each model and task."""
    changes = settings(known(once(table(record, "non_decoupling")), "loss_change"))
    turns = settings(known(once(table(record, "epsilon_crossings")), "epsilon", "distance"))
    slopes = once(table(record, "epsilon_crossing_slope"))
    return [
        *(_grid(where, rows) for where, rows in changes),
        *(_turns(where, rows, slopes) for where, rows in turns),
    ]


def _grid(where: str, rows: list[Record]) -> Chart:
    steps, lengths = distinct(rows, "sft_step"), distinct(rows, "rl_step")
    found = cells(rows, "sft_step", "rl_step", "loss_change", inside="d6", sure="guaranteed")
    under = {
        step: f"ε {number(mean(here, 'epsilon'))}"
        for (step,), here in grouped(known(rows, "epsilon"), "sft_step").items()
    }
    scale = largest([found])
    drawn = grid(
        counted(len(distinct(rows, "seed")), "seed"), found, steps, lengths, scale,
        row_title="SFT steps" + (", mean ε" if under else ""), col_title="RL steps", under=under,
    )  # fmt: skip
    fell = sum(row["loss_change"] <= 0 for row in rows if row.get("d6") is True)
    inside = sum(row.get("d6") is True for row in rows)
    means = averaged(rows, "model", "task", "sft_step", "rl_step")
    return Chart(
        title=f"When can RL improve SFT?{where}",
        says="Change of the SFT loss by how far SFT and RL went. "
        f"{counted(inside, 'run')} where the loss must rise: it fell in {fell or 'none'}.",
        grids=[drawn],
        scale=number(scale),
        wide=drawn["broad"],
        notes=["Rows and columns are thinned out; the record holds all."] * drawn["left_out"],
        numbers=numbers(means, CELLS, "Means over the seeds"),
    )


def _turns(where: str, rows: list[Record], slopes: list[Record]) -> Chart:
    """Where the change of the loss is zero: sub-optimality by RL's distance, log-log."""
    series = [
        Series(
            name=_of(of), x=column(found, "distance"), y=column(found, "epsilon"), size=6,
            **style(place),
        )
        for place, ((of,), found) in enumerate(grouped(rows, "of").items())
    ]  # fmt: skip
    positive = [row for row in rows if row["distance"] > 0 and row["epsilon"] > 0]
    if positive:
        far = max(positive, key=lambda row: row["distance"])
        near = min(column(positive, "distance"))
        foot = far["epsilon"] * (near / far["distance"]) ** 2
        series.append(Series(
            name="slope 2", x=[near, far["distance"]], y=[foot, far["epsilon"]], tone="muted",
            mark=None, dash="dash",
        ))  # fmt: skip
    of_here = [s for s in slopes if all(s.get(k) == rows[0].get(k) for k in ("model", "task"))]
    told = [
        f" Its slope is {ranged(row['slope'], row.get('low'), row.get('high'))}."
        for row in known(of_here, "slope")
    ]
    return chart(
        f"Where RL turns from improving SFT{where}",
        "Sub-optimality at which the SFT loss stays as it is. At a constant angle between RL and "
        f"the gradient of the loss it grows with the square of RL’s distance.{''.join(told)}",
        series, Axis(title="distance that RL moved", log=True), Axis(title="ε, nats", log=True),
        numbers=numbers(rows, ("of", "seed", "rl_step", "distance", "epsilon"), "By RL step"),
    )  # fmt: skip


def _of(name: object) -> str:
    return {"loss_change": "measured", "second_order": "by gradient and curvature"}.get(
        plain(name), "measured" if name is None else node(name)
    )
