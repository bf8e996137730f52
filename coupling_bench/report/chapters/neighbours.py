"""What neighbouring papers find, on the same stages: the figures of their suites together."""

from coupling_bench.report.chapters import healing, pear, razor, schedules, spectra
from coupling_bench.report.charts import Chart
from coupling_bench.report.rows import Record


def charts(record: Record) -> list[Chart]:
    """All figures that there are rows for, paper by paper."""
    each = (healing, spectra, pear, schedules, razor)
    return [chart for paper in each for chart in paper.charts(record)]


def tables(record: Record) -> list[Record]:
    """What is said in numbers alone."""
    return [*razor.fits(record)]
