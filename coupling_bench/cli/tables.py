"""``coupling-bench tables``: a record's rows as CSV, one file a table."""

from __future__ import annotations

import argparse
import re
from typing import Any

from coupling_bench.cli import common
from coupling_bench.frames import frames

EPILOG = """examples:
  coupling-bench tables reports/latest/record.json --to tables
  coupling-bench tables reports/reference/embedded-grammar-small.json --to tables
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "tables",
        help="write a record's tables as CSV",
        description="Write every part of a record that is rows as a CSV file: claims, theorems, "
        "stages, curves, abilities, groups, and the tables that its figures are drawn from. In "
        "Python the same are data frames: coupling_bench.frames(RECORD).",
        epilog=EPILOG,
    )
    parser.add_argument(
        "record", type=common.path, metavar="RECORD", help="record.json, or the folder it lies in"
    )
    parser.add_argument(
        "--to", type=common.path, required=True, metavar="FOLDER", help="where the files go"
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Write the files and say what each holds; files of other names are left as they are."""
    found = frames(arguments.record)
    if not found:
        raise ValueError(f"tables: {arguments.record} holds no rows, so there is nothing to write.")
    files = {_file(name): frame for name, frame in found.items()}
    if len(files) < len(found):
        raise ValueError(f"tables: two tables of {arguments.record} would share one file name.")
    folder = arguments.to
    common.check_folder("tables --to", folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in files.items():
        frame.to_csv(folder / name, index=False)
        print(f"{folder / name}: {len(frame)} rows, {len(frame.columns)} columns")
    return 0


def _file(name: str) -> str:
    """Return a file's name for a table, whatever the table is called."""
    return re.sub(r"[^\w-]+", "_", name)[:80] + ".csv"
