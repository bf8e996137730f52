"""What tests of the page share: one browser for all of them, and no library where none looks."""

import pytest

from tests.report.browser import CHROMIUM, WITHOUT, Browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A running headless browser."""
    if CHROMIUM is None:
        pytest.skip(WITHOUT)
    running = Browser(tmp_path_factory.mktemp("profile"))
    yield running
    running.close()


@pytest.fixture(autouse=True)
def without_plotly(request, monkeypatch):
    """Pages without the library itself, two megabytes that no test but the browser's reads."""
    if "browser" not in request.fixturenames:
        monkeypatch.setattr("coupling_bench.report.library.packed", lambda: "")
