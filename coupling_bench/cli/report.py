"""``coupling-bench report``: one page of one record or of several, and what a paper takes of it."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Any

from coupling_bench.cli import common

EPILOG = """examples:
  coupling-bench report reports/latest -o page
  coupling-bench report qwen.json llama.json smol.json -o comparison

It writes index.html (one file, which opens offline), figures/*.svg, results.csv, results.parquet
and summary.md. Records of several models, or tasks, become one matrix of claims by models."""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "report",
        help="make a page, figures and tables of records",
        description="Make one page of the records of one or several models, with figures for a "
        "paper, the verdicts as a table and a summary. Nothing is trained.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "records", type=common.path, nargs="+", metavar="RECORD",
        help="record.json, or the folder it lies in",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=common.path, required=True, metavar="FOLDER",
        help="where the files go; made if it is not there",
    )  # fmt: skip
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Write the files and say which; nothing is written if a record cannot be read."""
    from coupling_bench.report import write_report
    from coupling_bench.report.export import export
    from coupling_bench.report.merging import merge
    from coupling_bench.report.reading import read_all

    started = time.monotonic()
    folder = arguments.output
    common.check_folder("report -o", folder)
    merged = merge(read_all(arguments.records))
    page = write_report(merged, folder)
    written = [page, *export(merged, folder)]
    for name, count in Counter(map(_told, written, [folder] * len(written))).items():
        print(f"{folder / name}" + (f" ({count} files)" if name.endswith("*.svg") else ""))
    print(f"{time.monotonic() - started:.1f} s. Open it: {page}")
    return 0


def _told(path: Path, folder: Path) -> str:
    """Return a file's name, or one for all of its kind in a folder."""
    inside = path.relative_to(folder)
    return str(inside if len(inside.parts) == 1 else inside.with_name(f"*{path.suffix}"))
