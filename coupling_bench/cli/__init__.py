"""The command line ``coupling-bench``: what is done without pytest.

Each command is a module of this package with ``add(commands)``, which declares it, and
``run(arguments) -> int``, which does it and returns the exit status. A new one is a module and one
line here.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
import textwrap
from collections.abc import Sequence
from importlib import metadata

COMMANDS: tuple[str, ...] = (
    "check_model",
    "measure",
    "lm_eval",
    "report",
    "tables",
    "compare",
    "history",
    "store",
    "completion",
)
"""Modules of this package, in the order of the help."""
EPILOG = """examples:
  pytest suites                                       train, judge the claims, write the report
  coupling-bench check-model MODEL --task cola        does a model fit, before hours are spent?
  coupling-bench measure --base A --sft B --task grammar
  coupling-bench lm-eval SFTSpec-3f9a1c22b0de --tasks coupling
  coupling-bench report a.json b.json -o page         one page of several models, and figures
  coupling-bench tables reports/latest --to tables
  coupling-bench compare reports/latest               is anything other than in the reference?
  coupling-bench history --add reports/latest         keep a run; history alone draws them all
  coupling-bench store ls                             what is kept; also gc, verify, explain
  coupling-bench COMMAND --help                       options and examples of a command

Exit status: 0 if all is well, 2 for a mistake in what was asked, 130 after Ctrl-C; others are
said by the command's own help.
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    whole = argparse.ArgumentParser(
        prog="coupling-bench",
        description="Measure how supervised fine-tuning and reinforcement learning interact.",
        epilog=EPILOG,
        formatter_class=_Help,
    )
    whole.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND", parser_class=_Command)
    for name in COMMANDS:
        module = importlib.import_module(f"coupling_bench.cli.{name}")
        module.add(commands).set_defaults(run=module.run)
    return whole


def _version() -> str:
    try:
        return metadata.version("coupling-bench")
    except metadata.PackageNotFoundError:
        return "of a checkout that is not installed"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a user's mistake is said in a sentence, with exit status 2."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    whole = parser()
    _check_command(whole, typed)
    chosen = whole.parse_args(typed)
    try:
        return chosen.run(chosen)
    except KeyboardInterrupt:
        print("coupling-bench: interrupted; what is in the store is kept.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # | head: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    except (ValueError, OSError) as error:
        print(f"coupling-bench: {error}", file=sys.stderr)
        return 2


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of examples, folds what is written as one line, leaves room for names."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return super()._fill_text(text, width, indent)
        return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent)


class _Command(argparse.ArgumentParser):
    """The parser of one command, with the help of all."""

    def __init__(self, **options) -> None:
        super().__init__(**{**options, "formatter_class": _Help})


def _check_command(whole: argparse.ArgumentParser, typed: Sequence[str]) -> None:
    """Leave with a suggestion if there is no such command; only Python 3.14 gives one."""
    known = [name.replace("_", "-") for name in COMMANDS]
    if not typed or typed[0].startswith("-") or typed[0] in known:
        return
    near = difflib.get_close_matches(typed[0], known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    whole.error(f"{typed[0]!r} is no command; there are {', '.join(known)}.{hint}")
