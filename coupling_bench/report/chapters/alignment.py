"""How the gradients of loss and reward lie to each other and to the curvature, as figures."""

from typing import Any

from coupling_bench.report.charts import Axis, Chart, Series, chart, style
from coupling_bench.report.rows import (
    Record,
    averaged,
    column,
    distinct,
    known,
    numbers,
    settings,
    table,
    thinned,
)
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import plain

SHARES = {"rho_loss": "of ∇L", "rho_reward": "of ∇J", "rho_random": "of a random direction"}
COSINES = {"cosine": "exact", "corrected_cosine": "noise-corrected", "grpo_cosine": "GRPO’s"}


def charts(record: Record) -> list[Chart]:
    """All figures that there are rows for, for each model and task."""
    lying = [one for w, rows in settings(table(record, "alignment")) for one in _alignment(w, rows)]
    spectra = settings(known(table(record, "spectrum"), "rank", "eigenvalue"))
    return [*lying, *(_spectrum(where, rows) for where, rows in spectra)]


def _alignment(where: str, rows: list[Record]) -> list[Chart]:
    keys = ("seed", "sft_step", "k", *COSINES, *SHARES, "low", "high")
    of_all = numbers(rows, keys, "By seed, SFT step and number of directions k")
    last = max(column(rows, "sft_step"), default=None)
    at_last = known([row for row in rows if row.get("sft_step") == last], "k")
    by_k = sorted(averaged(at_last, "k"), key=lambda row: row["k"])
    at, k = f"Means over the seeds at SFT step {plain(last)}.", Axis(title="k", log=True)
    drawn = [
        (
            _lines(averaged(known(rows, "sft_step"), "sft_step"), "sft_step", COSINES),
            f"How the gradients of loss and reward lie{where}",
            "Cosine of the two along SFT, means over the seeds; 1 is the same direction.",
            (Axis(title="SFT step"), Axis(title="cosine", zero=True)),
        ),
        (
            _lines(by_k, "k", SHARES),
            f"Gradients in the k sharpest directions{where}",
            f"Share of a gradient’s square. {at}",
            (k, Axis(title="share ρ", log=True)),
        ),
        (
            _bracket(known(by_k, "low", "high", "cosine")),
            f"What the spectrum says of the cosine{where}",
            f"Both shares and the angle inside the k directions bound it. {at}",
            (k, Axis(title="cosine", zero=True)),
        ),
    ]
    return [
        chart(title, says, series, *axes, numbers=of_all)
        for series, title, says, axes in drawn
        if any(one.x for one in series)
    ]


def _lines(rows: list[Record], x: str, names: dict[str, str]) -> list[Series]:
    """One line for each of some columns."""
    return [
        Series(
            name=name, x=column(known(rows, key), x), y=column(rows, key), dash="solid",
            **style(place),
        )
        for place, (key, name) in enumerate(names.items())
    ]  # fmt: skip


def _bracket(rows: list[Record]) -> list[Series]:
    """The cosine between its bounds."""
    k = column(rows, "k")
    edge: dict[str, Any] = {"x": k, "tone": "muted", "mark": None}
    return [
        Series(name="at most", y=column(rows, "high"), dash="dash", **edge),
        Series(name="at least", y=column(rows, "low"), dash="dot", fill=True, **edge),
        Series(name="measured", x=k, y=column(rows, "cosine"), dash="solid"),
    ]


def _spectrum(where: str, rows: list[Record]) -> Chart:
    steps = thinned(distinct(rows, "step") or [None], 6)
    series = [
        Series(
            name=f"step {plain(step)}", x=column(found, "rank"), y=column(found, "eigenvalue"),
            dash="solid", said=f"seed {plain(seed)}", size=4, **style(steps.index(step)),
        )
        for (step, seed), found in grouped(rows, "step", "seed").items()
        if step in steps
    ]  # fmt: skip
    return chart(
        f"Spectrum of the curvature{where}",
        "Eigenvalues by rank; each line is one seed.",
        series,
        Axis(title="rank", log=True),
        Axis(title="eigenvalue", log=True),
        numbers=numbers(rows, ("seed", "step", "rank", "eigenvalue"), "Eigenvalues"),
    )
