"""``coupling-bench check-model``: does this model fit this task, before hours are spent on it?"""

from __future__ import annotations

import argparse

from coupling_bench.cli import common

EPILOG = """examples:
  coupling-bench check-model Qwen/Qwen3-0.6B --task cola --data-dir cola_public/raw
  coupling-bench check-model path/to/model --task task.toml --peft lora

Exit status: 1 if the model does not fit.
"""


def add(commands) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "check-model",
        help="say in seconds whether a model fits a task",
        description="Try tokenizer, answers, context, RL's signal and memory on a model.",
        epilog=EPILOG,
    )
    parser.add_argument("model", metavar="ID_OR_PATH", help="an entry, a folder or a Hub id")
    common.add_task(parser)
    common.add_recipe(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; the exit status is 1 if the model does not fit."""
    from coupling_bench import checking
    from coupling_bench.store import Store, default_root

    common.check(arguments)
    recipe = common.recipe(common.entry(arguments.model, arguments), arguments)
    print(f"{recipe.model} on {recipe.task.name}, scale {recipe.scale}")
    fits = True
    for finding in checking.check(recipe, Store(arguments.store or default_root())):
        print(f"{finding.outcome:>12}  {finding.name}: {finding.detail}", flush=True)
        fits = fits and finding.outcome != checking.BAD
    print("The model fits the task." if fits else "The model does not fit the task as it is.")
    return 0 if fits else 1
