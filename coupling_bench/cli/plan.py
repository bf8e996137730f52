"""``coupling-bench plan``: what ``pytest suites`` would train, what of it is there, how long."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

EPILOG = """examples:
  coupling-bench plan                                 of all suites that run by themselves
  coupling-bench plan suites/landscape --seeds 6
  coupling-bench plan suites/map --model embedded-small --model embedded -v
  coupling-bench plan --json -k demonstrators

Whatever else is typed goes to pytest, whose tests it asks what they need: paths, -k, --model,
--seeds, --set, --store. -v shows each stage. Times are those that the manifests of the store have
of stages of the same kind and model; what is like nothing there is said to be unknown.
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command; what it does not know itself is kept for pytest."""
    parser = commands.add_parser(
        "plan",
        help="show what a run would train and how long that takes",
        usage="coupling-bench plan [-h] [--json] [PYTEST'S ARGUMENTS ...]",
        description="Show the training graph of the suites: each node, how much of it is in the "
        "store, which tests need it, and an estimate of the rest. Nothing is trained.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="the plan as data, on standard output")
    parser.set_defaults(passed_on=())
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Let pytest collect the suites and print the plan; return 0, or 2 for a mistake."""
    import pytest

    plan = "--plan-json" if arguments.json else "--plan"
    ours = ["-p", "coupling_bench.plugin", "-p", "no:cacheprovider", "-o", "testpaths=suites", plan]
    settings = [name for name in ("pytest.ini", "pyproject.toml") if Path(name).is_file()]
    if settings:  # else pytest takes the folder of --store for one of tests, and begins there
        ours += ["-c", settings[0]]
    status = pytest.main([*ours, *arguments.passed_on])
    return 0 if status in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) else 2
