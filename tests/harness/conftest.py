"""A small corpus in CoLA's format; lm-eval without its report on the machine."""

import pytest

from tests.judges import save_cola


@pytest.fixture(scope="session")
def cola_folder(tmp_path_factory):
    return save_cola(tmp_path_factory.mktemp("cola"))


@pytest.fixture(autouse=True)
def no_report_on_the_machine(monkeypatch):
    """It takes most of a second, every time."""
    from lm_eval import evaluator

    monkeypatch.setattr(evaluator, "add_env_info", lambda storage: None)
