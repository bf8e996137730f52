"""How the gradients of loss and reward lie to each other and to the curvature, as figures."""

from typing import Any

from coupling_bench.report.charts import Axis, Chart, Series, chart, is_skewed, style
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
    thinned,
)
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import plain, ranged

SHARES = {
    "rho_loss": "of ∇L",
    "rho_reward": "of ∇J",
    "rho_random": "of a random direction",
    "rho_of_range": "of a random one in the curvature’s range",
}
COSINES = {
    "cosine": "∇L and ∇J",
    "corrected_cosine": "∇L and ∇J over all prompts, noise-corrected",
    "grpo_cosine": "∇L and GRPO’s direction",
    "grpo_reward_cosine": "∇J and GRPO’s direction",
}
SHOWN_K = 10
"""The number of directions that a figure is for, if several were measured."""


def charts(record: Record) -> list[Chart]:
    """All figures that there are rows for, for each model and task."""
    lying = [
        one for w, rows in settings(once(table(record, "alignment"))) for one in _alignment(w, rows)
    ]
    spectra = settings(known(once(table(record, "spectrum")), "rank", "eigenvalue"))
    damage = settings(known(once(table(record, "damage")), "predictor", "loss_change"))
    ranks = once(table(record, "damage_rank_correlation"))
    return [
        *lying,
        *(_damage(where, rows, ranks) for where, rows in damage),
        *(_spectrum(where, rows) for where, rows in spectra),
    ]


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


def _damage(where: str, rows: list[Record], ranks: list[Record]) -> Chart:
    """The change of the loss by how far RL moved in the sharpest directions."""
    nearest = min(column(rows, "k"), key=lambda k: abs(k - SHOWN_K), default=None)
    shown = [row for row in rows if row.get("k") == nearest]
    series = [
        Series(
            name=f"from SFT step {plain(step)}", x=column(found, "predictor"),
            y=column(found, "loss_change"), size=6, **style(place),
        )
        for place, ((step,), found) in enumerate(grouped(shown, "sft_step").items())
    ]  # fmt: skip
    of_here = [r for r in ranks if all(r.get(k) == rows[0].get(k) for k in ("model", "task"))]
    told = [
        f" Rank correlation {said}: {ranged(mean(of_here, key), min(values), max(values))}."
        for key, said in (("all_starts", "over all starts"),
                          ("from_the_end_of_sft", "from the end of SFT"))
        if (values := column(of_here, key))
    ]  # fmt: skip
    skewed = is_skewed([row[key] for row in shown for key in ("predictor", "loss_change")])
    keys = ("seed", "sft_step", "rl_step", "k", "rho", "damage", "low", "high", "predictor",
            "loss_change", "inside")  # fmt: skip
    return chart(
        f"Loss by RL’s move in the {plain(nearest)} sharpest directions{where}",
        "RL that stays off the sharp directions should do little to the loss." + "".join(told),
        series, Axis(title="ρ λ₁ s², nats", signed=skewed),
        Axis(title="ΔL, nats/sequence", signed=skewed),
        numbers=numbers(rows, keys, "By seed, SFT step, RL step and k"),
    )  # fmt: skip


def _spectrum(where: str, rows: list[Record]) -> Chart:
    steps = thinned(distinct(rows, "step") or [None], 6)
    series = [
        Series(
            name=f"SFT step {plain(step)}", x=column(found, "rank"), y=column(found, "eigenvalue"),
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
