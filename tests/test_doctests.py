"""The examples in docstrings give what they say."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "statistics",
        "measures.loss",
        "measures.ability",
        "theory.bounds",
        "theory.threshold",
        "theory.softmax",
        "overrides",
        "planning.batches",
    ],
)
def test_the_examples_of_a_module_hold(name):
    module = importlib.import_module(f"coupling_bench.{name}")
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0
