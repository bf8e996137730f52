"""``coupling-bench completion``: a script that lets a shell complete commands and options."""

from __future__ import annotations

import argparse
from typing import Any

SHELLS = ("bash", "zsh", "fish")
EPILOG = """examples:
  coupling-bench completion bash > ~/.local/share/bash-completion/completions/coupling-bench
  coupling-bench completion zsh > "${fpath[1]}/_coupling-bench"
  coupling-bench completion fish > ~/.config/fish/completions/coupling-bench.fish
"""
FILES = ("FILE", "PATH", "RECORD", "ID_OR_PATH", "CHECKPOINT", "[OLD] NEW")
FOLDERS = ("FOLDER", "DIR")
"""What an option or argument is called where it is a path."""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "completion",
        help="print a script that completes commands in a shell",
        description="Print a script that lets a shell complete the commands, their options and "
        "paths. It is static: print it again after an update.",
        epilog=EPILOG,
    )
    parser.add_argument("shell", choices=SHELLS, help="which shell it is for")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    from coupling_bench.cli import parser

    whole = parser()
    _prepare(whole, shtab.FILE, shtab.DIRECTORY)
    print(shtab.complete(whole, shell=arguments.shell))
    return 0


def _prepare(parser: argparse.ArgumentParser, file: Any, folder: Any) -> None:
    """Let paths be completed as such, in all commands, and say in a line what each does."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for listed in action._choices_actions:
                command = action.choices[listed.dest]
                command.description = listed.help  # shells have room for a line
                _prepare(command, file, folder)
        elif action.metavar in FILES:
            action.complete = file  # type: ignore[attr-defined]
        elif action.metavar in FOLDERS:
            action.complete = folder  # type: ignore[attr-defined]
