"""``coupling-bench measure``: checkpoints that were trained anywhere, side by side on a task."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any, get_args

from coupling_bench import catalog, measuring, record
from coupling_bench.catalog import PROMPTS
from coupling_bench.cli import common
from coupling_bench.pipelines import NODES, SplitName
from coupling_bench.report import write_report
from coupling_bench.store import Store, default_root

EPILOG = """examples:
  coupling-bench measure --base path/to/base --sft path/to/sft --rl path/to/rl --task task.toml
  coupling-bench measure --checkpoint mine=OWNER/NAME --checkpoint theirs=path --task grammar
  coupling-bench measure --sft SFTSpec-3f9a1c22b0de --task cola --data-dir cola_public/raw
"""


class _Named(argparse.Action):
    """Keeps checkpoints in the order in which they are named, whichever option names them."""

    def __call__(self, parser, namespace, values, option_string=None):
        name, path = self.const, str(values)
        if name is None:
            name, _, path = path.partition("=")
        if not (name.strip() and name.isprintable() and path):
            parser.error(f"{option_string}: found {values!r}, needed NAME=PATH.")
        namespace.checkpoints = [*namespace.checkpoints, (name.strip(), path)]


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "measure",
        help="measure checkpoints that were trained anywhere",
        description="Measure SFT loss, reward and divergence of checkpoints on a task and compare "
        "each with each, in the order in which they are named. Nothing is trained, and what is "
        "observed is kept: a second call computes nothing. A checkpoint is a folder, LoRA "
        "adapters, a Hub id (OWNER/NAME), an entry of models.toml, or an entry of the store.",
        epilog=EPILOG,
    )
    option = parser.add_argument
    parser.set_defaults(checkpoints=[])
    for node in NODES:
        option(
            f"--{node.replace('_', '-')}", action=_Named, const=node, dest="checkpoints",
            metavar="PATH", help=f"the checkpoint that is called {node}",
        )  # fmt: skip
    option(
        "--checkpoint", action=_Named, dest="checkpoints", metavar="NAME=PATH",
        help="one of any other name; repeatable",
    )  # fmt: skip
    common.add_task(parser, required=True)
    option("--split", choices=get_args(SplitName), default="held_out", help="(default: held_out)")
    option(
        "--prompts", choices=PROMPTS, default="auto",
        help="auto: as a stage of the store was prompted, else chat if there is a chat template",
    )  # fmt: skip
    option(
        "--prompt-template", metavar="TEXT",
        help="what is asked, with {sentence} or {prompt} for the item and \\n for a line break "
        "(default: what a stage of the store was trained on, else the task's for other models)",
    )  # fmt: skip
    option(
        "--reports", type=common.path, default=Path("reports/measure"), metavar="FOLDER",
        help="where record.json and index.html go (default: %(default)s)",
    )  # fmt: skip
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the tables, write record and page."""
    common.check(arguments)
    template = arguments.prompt_template
    question = measuring.Question(
        checkpoints=arguments.checkpoints,
        task=measuring.find_task(arguments.task, arguments.data_dir),
        split=arguments.split,
        store=Store(arguments.store or default_root()),
        entries=catalog.read(arguments.models or common.MODELS),
        prompts=arguments.prompts,
        prompt_template=None if template is None else template.replace("\\n", "\n"),
        device=arguments.device,
    )
    written = measuring.measure(question, _tell, command=_command(arguments))
    print(measuring.table(written["measurement"]))
    record.write(written, arguments.reports / "record.json")
    print(f"\nPage: {write_report(written, arguments.reports)}")
    return 0


def _command(arguments: argparse.Namespace) -> str:
    """Return what to type to measure the same again."""
    named = [part for pair in arguments.checkpoints for part in ("--checkpoint", "=".join(pair))]
    asked = ["--task", arguments.task, "--split", arguments.split, "--prompts", arguments.prompts]
    if arguments.prompt_template is not None:
        asked += ["--prompt-template", arguments.prompt_template]
    return shlex.join(["coupling-bench", "measure", *named, *asked])


def _tell(line: str) -> None:
    print(line, file=sys.stderr)
