"""A long SFT in and out of domain, what RL restores of it, and from where: figures."""

from coupling_bench.report.charts import Axis, Chart, Series, chart, style
from coupling_bench.report.rows import (
    Record,
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
from coupling_bench.report.text import node, plain

ACCURACIES = {"accuracy": "out of domain", "accuracy_in_domain": "in domain"}
LOSSES = {"loss_out_of_domain": "out of domain", "loss": "in domain"}
PLACES = {"peak": "SFT at its peak", "end_of_sft": "at its end", "after": "after the stage"}
STARTS = {"gain": "gain out of domain", "advantage_entropy": "entropy of the advantages, nats"}


def charts(record: Record) -> list[Chart]:
    """The course of SFT with RL's ends, its losses, what was restored, and the window of starts."""
    drawn: list[Chart | None] = []
    windows = once(table(record, "window"))
    for where, rows in settings(known(once(table(record, "healing")), "step")):
        same = grouped(windows, "model", "task").get((rows[0].get("model"), rows[0].get("task")))
        drawn += [_course(where, rows, known(same or [], "sft_step")), _losses(where, rows)]
    for where, rows in settings(once(table(record, "restored"))):
        drawn.append(_restored(where, rows))
    drawn += [_window(where, rows) for where, rows in settings(known(windows, "sft_step"))]
    return [one for one in drawn if one]


def _course(where: str, rows: list[Record], starts: list[Record]) -> Chart:
    series = _lines(rows, ACCURACIES)
    at = known(averaged(starts, "sft_step"), "start", "gain")
    series.append(Series(
        name="after RL from there, out of domain", x=_logarithmic(rows, column(at, "sft_step")),
        y=[row["start"] + row["gain"] for row in at], size=11, tone="rl", mark="diamond",
    ))  # fmt: skip
    keys = ("seed", "step", *ACCURACIES, "judged", "peak")
    return chart(
        f"Accuracy along a long SFT{where}",
        "Probability of earning the reward, means over the seeds, and each seed faintly. The base "
        "is drawn at half the first snapshot’s step.",
        series, Axis(title="SFT step", log=True), Axis(title="accuracy"),
        numbers=numbers(rows, keys, "Accuracies by seed and step"),
    )  # fmt: skip


def _losses(where: str, rows: list[Record]) -> Chart:
    keys = ("seed", "step", *LOSSES, "least_loss")
    return chart(
        f"Loss along a long SFT{where}",
        "What would have been looked at to stop it. Means over the seeds, and each seed faintly.",
        _lines(rows, LOSSES), Axis(title="SFT step", log=True),
        Axis(title="SFT loss, nats/sequence"),
        numbers=numbers(rows, keys, "Losses by seed and step"),
    )  # fmt: skip


def _lines(rows: list[Record], names: Record) -> list[Series]:
    series = []
    for place, (key, name) in enumerate(names.items()):
        for (seed,), found in grouped(known(rows, key), "seed").items():
            series.append(Series(
                name=name, x=_logarithmic(rows, column(found, "step")), y=column(found, key),
                mark=None, dash="solid", faint=True, keyed=False, said=f"seed {plain(seed)}",
                tone=style(place)["tone"],
            ))  # fmt: skip
        means = known(averaged(known(rows, key), "step"), key)
        means.sort(key=lambda row: row["step"])
        series.append(Series(
            name=name, x=_logarithmic(rows, column(means, "step")), y=column(means, key),
            dash="solid", **style(place),
        ))  # fmt: skip
    return series


def _logarithmic(rows: list[Record], steps: list[float]) -> list[float]:
    """Steps as they are drawn: none has no place on a logarithmic axis."""
    first = min((row["step"] for row in rows if row["step"] > 0), default=2)
    return [step or first / 2 for step in steps]


def _restored(where: str, rows: list[Record]) -> Chart | None:
    return strips(
        f"What a second stage restores out of domain{where}",
        "Accuracy on the items in odd places. SFT’s peak was chosen on the others, so that it is "
        "not the best of several by their noise.",
        [(node(stage), [column(found, key) for key in PLACES])
         for (stage,), found in grouped(rows, "stage").items()],
        list(PLACES.values()), "accuracy out of domain",
        numbers(rows, ("stage", "seed", *PLACES, "recovery"), "Second stages by seed"),
    )  # fmt: skip


def _window(where: str, rows: list[Record]) -> Chart | None:
    by_step = grouped(sorted(rows, key=lambda row: row["sft_step"]), "sft_step")
    keys = ("sft_step", "seed", "start", "gain", "reward_change", "positive_share",
            "advantage_entropy")  # fmt: skip
    return strips(
        f"What RL gains by where it starts{where}",
        "The same RL from several moments of SFT, beside how varied the advantages of its groups "
        "are there.",
        [(f"after {plain(step)} steps of SFT", [column(found, key) for key in STARTS])
         for (step,), found in by_step.items()],
        list(STARTS.values()), "accuracy, or nats",
        numbers(rows, keys, "Starts of RL by seed"),
    )  # fmt: skip
