"""Suites that take long run when they are asked for by their path, and not otherwise."""

from pathlib import Path

import pytest

ASKED_FOR = (
    "perf", "map", "other_demonstrators", "label_prior", "neighbours", "neighbours_full",
)  # fmt: skip
"""Benchmarks, which check no claim; the map of validity; RL's own answers and other words; all
stages again where nothing but the label prior can be learnt; and what neighbouring papers claim, a
part of it or the whole."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a folder out of ``pytest suites`` unless an argument names it.

    A schedule of the user's own (``--pipeline``) asks for the suite that it is compared in.
    """
    folder = collection_path.name
    named = {part for arg in config.args for part in Path(arg.split("::")[0]).parts}
    if config.option.pipeline and "neighbours" not in named:
        if collection_path.parent.name == "neighbours" and folder != "schedules":
            return True
        named.add("neighbours")
    return True if folder in ASKED_FOR and folder not in named else None
