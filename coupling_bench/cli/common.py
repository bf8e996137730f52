"""What several commands ask for: a task, where data and models lie, and where they run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from coupling_bench import catalog, overrides, scales
from coupling_bench.catalog import Device, Entry
from coupling_bench.pipelines import Recipe
from coupling_bench.specs import LoraSpec

MODELS = Path("suites/models.toml")


def add_task(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Declare the options that name a task and say where data, models and stages lie."""
    parser.add_argument(
        "--task", required=required, default=None if required else "grammar", metavar="NAME",
        help=f"one of: {', '.join(scales.TASKS)}, or a task.toml of your own",
    )  # fmt: skip
    parser.add_argument(
        "--data-dir", type=path, metavar="FOLDER", help="where CoLA's .tsv files lie (--task cola)"
    )
    parser.add_argument(
        "--models", type=path, metavar="FILE", help=f"entries of models (default: {MODELS})"
    )
    parser.add_argument(
        "--device", default="auto", choices=get_args(Device), help="where models run (auto)"
    )
    parser.add_argument(
        "--store", type=path, metavar="FOLDER",
        help="where stages are kept (default: $COUPLING_BENCH_STORE, else the user's cache)",
    )  # fmt: skip


def check_folder(command: str, folder: Path) -> None:
    """Refuse a folder that cannot be one, because a file has its name or is on its way.

    Raises:
        NotADirectoryError: naming the file.
    """
    there = next((p for p in (folder, *folder.parents) if p.exists()), None)
    if there is not None and not there.is_dir():
        raise NotADirectoryError(f"{command}: {folder}: {there} is a file, needed a folder.")


def path(text: str) -> Path:
    """Return what a user means by a path, ``~`` included."""
    return Path(text).expanduser()


def check(arguments: argparse.Namespace) -> None:
    """Refuse a device or a file that is not there."""
    if arguments.device == "cuda" and not catalog.cuda_is_there():
        raise ValueError("--device cuda: no CUDA device was found. Wait for a CPU: --device cpu")
    if arguments.models is not None and not arguments.models.is_file():
        raise FileNotFoundError(f"--models: there is no file {arguments.models}.")


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Declare the options that change a recipe."""
    parser.add_argument("--scale", choices=scales.SCALES, help="how large a run is")
    parser.add_argument("--peft", choices=("lora",), help="train and store adapters alone")
    parser.add_argument(
        "--set", action="append", default=[], metavar="STAGE.FIELD=VALUE",
        help="another value of a field of a recipe, as --set grpo.beta=0.04; repeatable",
    )  # fmt: skip


def entry(asked: str, arguments: argparse.Namespace) -> Entry:
    """Return the model that a user names: an entry, a folder or an id of the Hub."""
    return catalog.find(asked, catalog.read(arguments.models or MODELS))


def recipe(entry: Entry, arguments: argparse.Namespace) -> Recipe:
    """Return how ``entry`` would be trained on the task that ``arguments`` name."""
    scale = arguments.scale or entry.scale
    task = scales.task(arguments.task, scale, arguments.data_dir)
    return entry.recipe(
        task,
        scale,
        device=arguments.device,
        lora=LoraSpec() if arguments.peft else None,
        changes=map(overrides.parse, arguments.set),
    )
