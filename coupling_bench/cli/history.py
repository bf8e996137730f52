"""``coupling-bench history``: keeps records, and draws effects and times over nights."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from coupling_bench.cli import common

NIGHTS = Path("reports/history")
REFERENCE = Path("reports/reference/seeds")
EPILOG = """\
examples:
  coupling-bench history --add reports/latest     (into reports/history)
  coupling-bench history                          (draws reports/history/page/history.html)
  coupling-bench history /mnt/bucket/nights -o page
  coupling-bench history reports/reference/seeds --add reports/latest   (a reference's seeds)

exit status: 0, also where files were left out (they are named); 2 if nothing can be drawn
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "history",
        help="keep records of many nights, and draw what became of each effect and time",
        description="Keep records in a folder or mounted object store, and draw each effect and "
        "each stage's time over them, with the first commit at which a verdict changed. Writes "
        "history.html, history.csv and history.md.",
        epilog=EPILOG,
    )
    parser.add_argument(
        "folder", nargs="?", default=NIGHTS, type=common.path, metavar="FOLDER",
        help=f"where records are kept (default: {NIGHTS})",
    )  # fmt: skip
    parser.add_argument(
        "--add", action="append", default=[], type=common.path, metavar="RECORD",
        help="keep this record first (record.json, or the folder it lies in); repeatable",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--to", type=common.path, metavar="FOLDER",
        help="where page, CSV and summary go (default: page/ in FOLDER; with --add nothing is "
        "drawn unless this is given)",
    )  # fmt: skip
    parser.add_argument(
        "--reference", type=common.path, metavar="FOLDER",
        help=f"records of the reference's seeds, for the bands (default: {REFERENCE}, if there)",
    )  # fmt: skip
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Keep, read and draw; say what was left out."""
    from coupling_bench.nightly import archive

    drawn = arguments.to or arguments.folder / "page"
    for folder in (arguments.folder, drawn):
        common.check_folder("history", folder)
    for given in arguments.add:
        file = given / "record.json" if given.is_dir() else given
        if not file.is_file():
            what = (
                f"the folder {given} holds no record.json"
                if given.is_dir()
                else f"there is no file {given}"
            )
            raise FileNotFoundError(f"history: --add: {what}. A run writes one: pytest suites")
        try:
            print(f"kept: {archive.add(archive.read_file(file), arguments.folder)}")
        except ValueError as error:
            raise ValueError(f"history: --add {file}: {error}.") from None
    if arguments.add and arguments.to is None:
        return 0
    kept = archive.read(arguments.folder)
    for text in kept.left_out:
        print(f"left out: {text}", file=sys.stderr)
    if not kept.records:
        raise ValueError(
            f"history: {arguments.folder} holds no record. Keep one: coupling-bench history "
            f"{arguments.folder} --add reports/latest"
        )
    from coupling_bench.nightly import evidence, history, page

    reference = arguments.reference or (REFERENCE if REFERENCE.is_dir() else None)
    seeds = evidence.find(reference) if reference else evidence.Found()
    left_out = [*kept.left_out, *(f"reference: {text}" for text in seeds.unreadable)]
    found = history.build(kept.records, left_out, seeds)
    for path in page.write(found, drawn):
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    return 0
