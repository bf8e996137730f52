"""How large a page of many records is, and how long it takes to write and to open.

    python -m tests.report.reach [RECORD] [--models 40] [--claims 20]

The records are one record under other models' names, with as many of its claims and the runs that
these need. Seconds are wall time; the processor's own are beside them, for a busy machine.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from coupling_bench.cli import main
from coupling_bench.report import write_report
from coupling_bench.report.merging import merge
from coupling_bench.report.reading import read_all
from tests.report.browser import CHROMIUM, WITHOUT, Browser

REFERENCE = Path(__file__).parents[2] / "reports/reference/embedded-grammar-small.json"
OPENED = """(() => {
  const [opened] = performance.getEntriesByType("navigation");
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return [paint ? paint.startTime : 0, opened.loadEventEnd];
})()"""


def part(record, claims):
    """A record of the first claims alone, with the runs that they need, as a run of them has.

    What the default suites claim comes before what was accepted of suites by their path.
    """
    by_path = ("suites/neighbours", "suites/map", "suites/other_demonstrators")
    ordered = sorted(record["claims"], key=lambda claim: claim["test"].startswith(by_path))
    kept = ordered[:claims]
    nodes = {node for claim in kept for node in claim["nodes"]}
    by_spec = {stage["spec"]: stage for stage in record["stages"]}
    for stage in record["stages"]:
        while stage and stage["node"] in nodes:  # and what it descends from
            stage = by_spec.get(stage["start"])
            nodes |= {stage["node"]} if stage else set()
    rows = {
        name: [row for row in record.get(name) or [] if row["node"] in nodes]
        for name in ("stages", "curves", "abilities", "groups")
    }
    return {**record, **rows, "claims": kept, "tables": {}}


def write(record, models, folder):
    """Write a record under so many models' names and return the files."""
    files = []
    for number in range(models):
        name = f"model-{number}"
        rows = {
            part: [row | {"model": name} if "model" in row else row for row in value]
            for part, value in record.items()
            if isinstance(value, list)
        }
        files.append(folder / f"{name}.json")
        files[-1].write_text(json.dumps({**record, **rows}), encoding="utf-8")
    return files


def clock(what, work):
    """Do some work and print how long it took."""
    started, worked = time.monotonic(), time.process_time()
    work()
    wall, processor = time.monotonic() - started, time.process_time() - worked
    print(f"{what}: {wall:.2f} s, {processor:.2f} s CPU")


def measure(record, models, claims):
    """Print seconds and bytes."""
    folder = Path(tempfile.mkdtemp())
    files = write(part(record, claims), models, folder)
    clock("all files", lambda: main(["report", *map(str, files), "-o", str(folder / "page")]))
    merged = merge(read_all(files))
    clock("the page", lambda: write_report(merged, folder / "page"))
    page = folder / "page" / "index.html"
    print(f"{page.stat().st_size / 1e6:.2f} MB")
    if CHROMIUM is None:
        print(WITHOUT)
        return
    browser = Browser(folder / "profile")
    for width in (390, 1024, 1920):
        browser.open(page, width)
        browser.wait("performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
        paint, loaded = browser.run(OPENED)
        print(f"{width} px: first painted after {paint:.0f} ms, loaded after {loaded:.0f} ms")
        browser.wait("window.Plotly !== undefined && !document.querySelector('.folded')")
        browser.ask("Page.navigate", url="about:blank")  # or the next waits for what this one draws
    browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("record", type=Path, nargs="?", default=REFERENCE)
    parser.add_argument("--models", type=int, default=40)
    parser.add_argument("--claims", type=int, default=20)
    asked = parser.parse_args()
    measure(json.loads(asked.record.read_text(encoding="utf-8")), asked.models, asked.claims)
