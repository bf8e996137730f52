"""The command line ``coupling-bench``: what is done without pytest.

Each command is a module of this package with ``add(commands)``, which declares it, and
``run(arguments) -> int``, which does it and returns the exit status.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

COMMANDS: tuple[str, ...] = ("check_model", "measure", "lm_eval", "tables", "history", "compare")
"""Modules of this package, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a user's mistake is said in a sentence, with exit status 2."""
    parser = argparse.ArgumentParser(
        prog="coupling-bench",
        description="Measure how supervised fine-tuning and reinforcement learning interact.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"coupling_bench.cli.{name}")
        module.add(commands).set_defaults(run=module.run)
    chosen = parser.parse_args(arguments)
    try:
        return chosen.run(chosen)
    except KeyboardInterrupt:
        print("coupling-bench: interrupted; what is in the store is kept.", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"coupling-bench: {error}", file=sys.stderr)
        return 2
