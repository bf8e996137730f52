"""What neighbouring papers find, on the same stages: the figures of their suites together."""

from coupling_bench.report.chapters import healing, pear, schedules
from coupling_bench.report.charts import Chart
from coupling_bench.report.rows import Record


def charts(record: Record) -> list[Chart]:
    """All figures that there are rows for, paper by paper."""
    return [*healing.charts(record), *pear.charts(record), *schedules.charts(record)]
