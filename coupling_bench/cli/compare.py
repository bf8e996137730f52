"""``coupling-bench compare``: the gate of a nightly run, and of a change of library versions."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from coupling_bench.cli import common

REFERENCE = Path("reports/reference")
EPILOG = """\
examples:
  coupling-bench compare reports/latest --without suites/label_prior
  coupling-bench compare reports/reference reports/latest --markdown summary.md --history nights/
  coupling-bench compare reports/latest --junit junit.xml --times perf-1/ perf-2/
  coupling-bench compare --false-alarms reports/reference/seeds reports/latest

exit status, the worst of what is printed:
  0  as before                                       4  values drifted
  3  slower in two runs of the same job              5  a verdict changed, or a theorem broke
  6  data are missing: a claim vanished, too few seeds, another recipe
  7  infrastructure: a test broke down, a file cannot be read
  2  the command line is wrong (1: a crash; treat it as 7)
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "compare",
        help="compare a run with the reference: verdicts, values, what vanished",
        description="Compare a run with the reference. A folder may be a run's report, or hold "
        "many records, whose seeds are put together. OLD may have a folder seeds/ beside accepted "
        "verdicts: the records of at least 12 seeds of its own, from which bands are made.",
        epilog=EPILOG,
    )
    parser.add_argument(
        "records", nargs="*", type=common.path, metavar="[OLD] NEW",
        help=f"files or folders of records; OLD is {REFERENCE} unless it is named",
    )  # fmt: skip
    parser.add_argument("--markdown", type=common.path, metavar="FILE", help="write it there too")
    parser.add_argument(
        "--history", type=common.path, metavar="FOLDER",
        help="kept records (coupling-bench history): the last good commit of each failure",
    )  # fmt: skip
    parser.add_argument(
        "--junit", type=common.path, metavar="FILE",
        help="the run's --junitxml: what broke down is told from what vanished",
    )  # fmt: skip
    parser.add_argument(
        "--times", nargs="+", type=common.path, metavar="FOLDER",
        help="reports of suites/perf, run once or twice in one job; slower counts if seen twice",
    )  # fmt: skip
    parser.add_argument(
        "--without", action="append", default=[], metavar="FOLDER",
        help="a folder of suites that the reference has and the run was not asked for, as "
        "suites/label_prior; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--false-alarms", nargs="+", type=common.path, metavar="RECORD",
        help="estimate how often nights on which nothing has changed raise an alarm: the "
        "reference's seeds first, then records of fresh ones",
    )  # fmt: skip
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Compare, print, and return the status of what was found."""
    if arguments.false_alarms:
        if arguments.records:
            raise ValueError("compare: --false-alarms takes all records: name no OLD and NEW.")
        return _false_alarms(arguments.false_alarms)
    if not 1 <= len(arguments.records) <= 2:
        raise ValueError("compare: name the run, or the reference and the run. See --help.")
    if arguments.times and len(arguments.times) > 2:
        raise ValueError("compare: --times takes the report of one run of suites/perf, or of two.")
    from coupling_bench.nightly import evidence, findings, gate, junit, telling, times

    old = arguments.records[0] if len(arguments.records) == 2 else REFERENCE
    new = evidence.find(arguments.records[-1])
    accepted = evidence.find(old)
    seeds = evidence.find(old / evidence.SEEDS) if (old / evidence.SEEDS).is_dir() else accepted
    errors = junit.errors(arguments.junit, new.tests) if arguments.junit else {}
    without = frozenset(folder.rstrip("/") for folder in arguments.without)
    _check_without(without, {folder for _, folder in seeds.places})
    reference = findings.Reference(accepted=accepted, seeds=seeds, without=without)
    found = gate.compare(reference, new, errors)
    if arguments.times:
        more, notes = times.compare(arguments.times)
        found.add(more)
        found.notes += notes
    past = evidence.find(arguments.history) if arguments.history else evidence.Found()
    found.notes += [f"Left out of the history: {text}" for text in past.unreadable]
    for line in telling.lines(found, new, past.records):
        print(line)
    if arguments.markdown:
        arguments.markdown.parent.mkdir(parents=True, exist_ok=True)
        arguments.markdown.write_text(telling.markdown(found, new, past.records), encoding="utf-8")
    return int(found.status)


def _check_without(without: frozenset[str], known: set[str]) -> None:
    """Refuse a folder that the reference does not have: a misspelt one would leave nothing out."""
    strange = sorted(without - known)
    if strange:
        raise ValueError(
            f"compare: --without {strange[0]}: the reference has no seeds of such a folder; it has "
            f"{', '.join(sorted(known))}."
        )


def _false_alarms(paths: list[Path]) -> int:
    from coupling_bench.nightly import evidence, false_alarms
    from coupling_bench.nightly.archive import moment

    parts = [evidence.find(path) for path in paths]
    for text in (text for part in parts for text in part.unreadable):
        print(f"left out: {text}", file=sys.stderr)
    reference, *others = parts
    fresh = evidence.pool(sorted((r for part in others for r in part.records), key=moment))
    both = evidence.pool(sorted([*reference.records, *fresh.records], key=moment))

    def tell(title: str, found: false_alarms.Estimate) -> None:
        print("\n  ".join([title, *false_alarms.lines(found)]))

    nights = false_alarms.NIGHTS
    tell("Reference and night drawn from all seeds:", false_alarms.exchanged(both, nights=nights))
    tell(
        "Night drawn from the seeds of one record, which share a machine, against all others:",
        false_alarms.of_one_run(both, nights=nights),
    )
    found = false_alarms.fixed(reference, fresh, nights=nights)
    if found is None:
        print("The reference as it is: give more fresh seeds than a night has (--seeds 30)")
    else:
        tell("The reference as it is, nights drawn from the fresh seeds:", found)
    return 0
