"""Settings of the project's own tests: no network, no deadline, one thread, the same examples."""

import gc
import os

import pytest
from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"
# Tiny models gain nothing from a second thread, and wait for it where the machine is busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("project", deadline=None, derandomize=True, database=None)
settings.load_profile("project")

collect_ignore = ["reliability"]  # minutes long: they run where they are named
LONGEST = (
    "test_workflow.py",
    "test_executors.py",
    "test_resuming.py",
    "test_in_a_browser.py",
    "test_models_from_elsewhere.py",
    "test_footprints.py",
    "test_training.py",
    "test_packing.py",
    "test_unique_grpo.py",
    "test_your_own.py",
    "test_terminal.py",
)
"""Files that take longest, longest first: begun last, one of them would keep a single worker."""


def pytest_collection_modifyitems(items):
    """Put the longest files first."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="module", autouse=True)
def libraries_are_not_searched_for_garbage():
    """Each training collects it several times; what is imported by now stays, as in a worker."""
    gc.collect()
    gc.freeze()
