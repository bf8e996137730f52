"""The paper's Figure 3 from a record, before it is drawn: what stands in each panel."""

from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from numpy import errstate

from coupling_bench.report.rows import column
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import is_number, number
from coupling_bench.statistics import student_interval

STAGES = {"sft": "SFT", "rl": "RL", "rloo": "RLOO", "dpo": "DPO"}
TONES = {"sft": "sft", "rl": "rl", "rloo": "rl", "dpo": "rl"}
"""A stage's colour. Those that learn from the verifier share one: no panel has two of them."""

Record = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """What the panel of a pipeline shows: the ability that its first stage has built."""

    number: str
    measure: str
    axis: str
    sampled: str | None
    levels: tuple[tuple[str, str, str], ...]


LOSS = Kind(
    "3a", "loss", "SFT loss, nats/sequence", None,
    (("optimal_loss", "L*, lowest reachable", "dot"),),
)  # fmt: skip
REWARD = Kind(
    "3b", "reward", "reward", "mean_at_1",
    (
        ("demonstrator_reward", "J_D, demonstrator", "dot"),
        ("majority_reward", "majority answer", "dashdot"),
    ),
)  # fmt: skip
KINDS = {
    "sft_then_rl": LOSS,
    "rl_then_sft": REWARD,
    "sft_then_rloo": replace(LOSS, number="3a with RLOO"),
    "rloo_then_sft": replace(REWARD, number="3b with RLOO"),
    "sft_then_dpo": replace(LOSS, number="3a with DPO"),
    "dpo_then_sft": replace(REWARD, number="3b with DPO"),
}
"""The paper draws the first two, which are GRPO's."""


@dataclass(frozen=True)
class Line:
    """One seed's curve over one stage."""

    seed: object
    stage: str
    steps: list[int]
    values: list[float | None]
    sampled: list[float | None]


@dataclass(frozen=True)
class Band:
    """The mean over a stage's seeds, and its 95 % interval (Student's t) at each step."""

    stage: str
    steps: list[int]
    means: list[float]
    lows: list[float]
    highs: list[float]


@dataclass(frozen=True)
class Level:
    """A value that does not change over the steps."""

    name: str
    value: float
    dash: str


PAPER = {
    ("cola", "3b"): [
        Level("the paper’s base model", 0.385, "longdash"),
        Level("the paper’s RL then SFT", 0.343, "longdashdot"),
    ]
}
"""What the paper says in numbers, by task and figure (arXiv:2601.07389v1, Section 5).

Its base value is that of always answering "acceptable" on 527 items: 0.3852.
"""


@dataclass(frozen=True)
class Panel:
    """All that one figure shows."""

    model: str
    task: str
    pipeline: str
    kind: Kind
    lines: list[Line]
    bands: list[Band]
    levels: list[Level]
    boundary: int | None
    mcc: dict[str, float]
    """After each stage, over seeds: beside a reward it tells ability from the label prior."""

    @property
    def stages(self) -> list[str]:
        """The pipeline's stages in order."""
        return self.pipeline.split("_then_")


def panels(record: Record) -> list[Panel]:
    """Panels of a record: for each model and task, that of each pipeline it has curves of."""
    found = []
    abilities = grouped(record["abilities"], "model", "task")
    for (model, task), rows in grouped(record["curves"], "model", "task").items():
        known = [r for r in abilities.get((model, task), []) if r["split"] == "held_out"]
        constants = (record.get("constants") or {}).get(task) or {}
        for pipeline, kind in KINDS.items():
            lines = [_line(row, kind) for row in rows if row["pipeline"] == pipeline]
            lines = [line for line in lines if any(map(is_number, line.values))]
            if lines:
                first = pipeline.split("_then_")[0]
                stops = [line.steps[-1] for line in lines if line.stage == first]
                levels = _levels(task, kind, lines, known, constants)
                boundary = max(stops, default=None)
                mcc = _mcc(known, ("base", first, pipeline))
                found.append(
                    Panel(model, task, pipeline, kind, lines, bands(lines), levels, boundary, mcc)
                )
    return found


def _line(row: Record, kind: Kind) -> Line:
    steps = row["steps"]

    def values(key: str | None) -> list[float | None]:
        return [v if is_number(v) else None for v in row.get(key or "") or []][: len(steps)]

    stage = row["node"].rsplit("_then_", 1)[-1]
    return Line(row.get("seed"), stage, steps, values(kind.measure), values(kind.sampled))


def bands(lines: list[Line]) -> list[Band]:
    """A band for each stage that several seeds have run, at the steps that all of them know."""
    found = []
    for stage in dict.fromkeys(line.stage for line in lines):
        seen: dict[int, list[float]] = {}
        here = [line for line in lines if line.stage == stage]
        for line in here:
            for step, value in zip(line.steps, line.values, strict=False):
                if is_number(value):
                    seen.setdefault(step, []).append(value)
        shared = {step: v for step, v in sorted(seen.items()) if len(v) == len(here) > 1}
        if shared:
            with errstate(all="ignore"):  # absurdly large values have no spread, and no band
                spans = [student_interval(values) for values in shared.values()]
            found.append(Band(
                stage, list(shared), [span.estimate for span in spans],
                [span.low for span in spans], [span.high for span in spans],
            ))  # fmt: skip
    return found


def _mcc(abilities: list[Record], nodes: tuple[str, ...]) -> dict[str, float]:
    known = {node: column([r for r in abilities if r["node"] == node], "mcc") for node in nodes}
    return {node: fmean(values) for node, values in known.items() if values}


def _levels(
    task: str, kind: Kind, lines: list[Line], abilities: list[Record], constants: Record
) -> list[Level]:
    starts = [{kind.measure: line.values[0]} for line in lines if line.steps[0] == 0]
    rows = [row for row in abilities if row["node"] == "base"] or starts
    base = column(rows, kind.measure)
    levels = [Level("base model", fmean(base), "dash")] if base else []
    levels += [
        Level(name, constants[key], dash)
        for key, name, dash in kind.levels
        if is_number(constants.get(key))
    ]
    return [*levels, *PAPER.get((task, kind.number), [])]


def ends(panel: Panel) -> list[Record]:
    """A panel in numbers: each seed's value at the start and at the end of each stage."""
    rows = []
    for seed in dict.fromkeys(line.seed for line in panel.lines):
        by_stage = {line.stage: line.values for line in panel.lines if line.seed == seed}
        first, second = (by_stage.get(stage) or [None] for stage in panel.stages)
        change = second[-1] - first[-1] if is_number(first[-1]) and is_number(second[-1]) else None
        rows.append({"seed": seed, "values": [first[0], first[-1], second[-1]], "change": change})
    return rows


def describe(panel: Panel) -> str:
    """A panel in one sentence, for a reader who does not see it."""
    columns = zip(*(row["values"] for row in ends(panel)), strict=True)
    means = [
        number(fmean(known)) if (known := [v for v in column if is_number(v)]) else "not known"
        for column in columns
    ]
    first, second = (STAGES[stage] for stage in panel.stages)
    return (
        f"Line chart of the {panel.kind.axis} by optimizer step. Mean over the seeds: {means[0]} "
        f"at the start, {means[1]} after {first}, {means[2]} after {second}."
    )
