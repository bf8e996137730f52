"""Settings of the project's own tests: no network, no deadline, the same examples every time."""

import os

from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"
settings.register_profile("project", deadline=None, derandomize=True, database=None)
settings.load_profile("project")
