"""Settings of the project's own tests: no network, no deadline, one thread, the same examples."""

import os

from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"
# Tiny models gain nothing from a second thread, and wait for it where the machine is busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("project", deadline=None, derandomize=True, database=None)
settings.load_profile("project")
