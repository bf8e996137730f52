"""A small corpus in CoLA's format."""

import pytest

from tests.judges import save_cola


@pytest.fixture(scope="session")
def cola_folder(tmp_path_factory):
    return save_cola(tmp_path_factory.mktemp("cola"))
