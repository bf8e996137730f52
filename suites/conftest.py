"""The benchmarks in suites/perf run when they are asked for by their path, and not otherwise."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave suites/perf out of ``pytest suites``: it takes minutes and checks no claim."""
    asked = any("perf" in Path(arg.split("::")[0]).parts for arg in config.args)
    return True if collection_path.name == "perf" and not asked else None
