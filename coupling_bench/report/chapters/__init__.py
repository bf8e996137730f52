"""The chapters on theory and measurement: what each shows, of what the record has rows for."""

from dataclasses import dataclass, field

from coupling_bench.report.chapters import (
    alignment,
    controls,
    demonstrators,
    duration,
    landscape,
    maps,
    neighbours,
    non_decoupling,
    predictions,
    thresholds,
)
from coupling_bench.report.charts import Chart
from coupling_bench.report.rows import Record, numbers, table
from coupling_bench.report.text import capitalized, counted, listed, words

TABLES = {
    "policies", "bounds", "fixed_points", "stopping", "demonstrators", "formats", "controls",
    "prior", "map_sft_then_rl", "map_rl_then_sft", "thresholds", "second_order", "pl_slopes",
    "duration", "pareto", "non_decoupling", "alignment", "spectrum", "defects", "at_equal_reward",
    "epsilon_crossings", "damage", "healing", "restored", "window", "spectra",
    "edits", "equal_gain", "pear", "pear_drift", "razor", "razor_fits",
    "schedules", "equal_reward",
}  # fmt: skip
"""The tables that have figures. Others are shown as they are."""


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """One section of the page."""

    id: str
    title: str
    says: str
    charts: list[Chart]
    assumptions: list[Record] = field(default_factory=list)
    bounds: list[Record] = field(default_factory=list)
    tables: list[Record] = field(default_factory=list)

    @property
    def plots(self) -> list[Record]:
        """What plotly draws, with the places of the drawings."""
        numbered = enumerate(self.charts, start=1)
        return [{"id": f"{self.id}-{n}", **one.plot} for n, one in numbered if one.plot]

    @property
    def holds(self) -> str:
        """How much there is to see, in words."""
        tables = len(self.assumptions) + len(self.bounds) + len(self.tables)
        counts = ((len(self.charts), "figure"), (tables, "table"))
        return capitalized(listed([counted(count, what) for count, what in counts if count]))


def view(record: Record) -> list[Chapter]:
    """The chapters that the record has anything for."""
    found = [
        Chapter(
            id="predictions",
            title="Predicted and measured",
            says="What the theorems assume, as measured on trained policies, and what they predict "
            "beside what training did. Changes are from the start of a stage.",
            charts=predictions.charts(record),
            assumptions=predictions.assumptions(record),
            bounds=predictions.bounds(record),
        ),
        Chapter(
            id="demonstrators",
            title="Other demonstrators",
            says="The same stages with demonstrators of another quality, or who write in another "
            "form.",
            charts=demonstrators.charts(record),
        ),
        Chapter(
            id="map",
            title="Map of validity",
            says="How the change depends on the demonstrators’ label noise, on how far SFT went "
            "and for how long RL ran.",
            charts=[*maps.charts(record), *thresholds.charts(record)],
        ),
        Chapter(
            id="landscape",
            title="Landscape of the loss",
            says="Derived from the assumptions that the paper’s second version names; its own "
            "statements are not at hand.",
            charts=[
                *landscape.charts(record), *duration.charts(record),
                *non_decoupling.charts(record), *alignment.charts(record),
            ],
        ),
        Chapter(
            id="controls",
            title="Controls",
            says="What of an effect is RL’s, what any change of the weights would do, and what "
            "there is with a label prior alone.",
            charts=controls.charts(record),
            tables=controls.defects(record),
        ),
        Chapter(
            id="neighbours",
            title="Neighbouring findings",
            says="What other papers claim of SFT and RL together, on this model and task.",
            charts=neighbours.charts(record),
            tables=neighbours.tables(record),
        ),
    ]  # fmt: skip
    return [one for one in found if one.charts or one.assumptions or one.bounds or one.tables]


def others(record: Record) -> list[Record]:
    """The tables that the page does not know, each as it is."""
    found = []
    for name in record.get("tables") or {}:
        rows = table(record, name)
        if name in TABLES or not rows:
            continue
        keys = list(dict.fromkeys(key for row in rows for key in row))
        found.append({
            **numbers(rows, keys, f"{capitalized(words(name))}, {counted(len(rows), 'row')}"),
            "title": capitalized(words(name)),
        })  # fmt: skip
    return found
