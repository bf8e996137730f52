"""Theorems on finite policies: random instances, no model, no store."""

import numpy as np
import pytest

from coupling_bench.theory import instances


@pytest.fixture(scope="session")
def worlds() -> list[instances.World]:
    """Five thousand seeded random instances: 1 to 6 prompts, 2 to 20 answers, hard ones too."""
    return instances.worlds(seed=0)


@pytest.fixture(scope="session")
def over(worlds):
    """What a function says of every world, in one array: one number an instance."""
    return lambda function: np.concatenate([np.ravel(function(world)) for world in worlds])
