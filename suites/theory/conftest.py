"""Theorems on finite policies: random instances, no model, no store."""

import numpy as np
import pytest

from coupling_bench.theory import instances
from coupling_bench.theory.landscape.instances import curvatures, quadratics, waves


@pytest.fixture(scope="session")
def worlds() -> list[instances.World]:
    """Five thousand seeded random instances: 1 to 6 prompts, 2 to 20 answers, hard ones too."""
    return instances.worlds(seed=0)


@pytest.fixture(scope="session")
def over(worlds):
    """What a function says of every world, in one array: one number an instance."""
    return lambda function: np.concatenate([np.ravel(function(world)) for world in worlds])


@pytest.fixture(scope="session")
def losses():
    """Ten thousand moves on quadratics of 1 to 12 weights, and five thousand on a PL wave, last."""
    draw = np.random.default_rng(0)
    return [*(quadratics(draw, 2000, size) for size in (1, 2, 3, 6, 12)), waves(draw, 5000)]


@pytest.fixture(scope="session")
def spectra():
    """Of two thousand quadratics the curvatures, and where their excess lies, ``(N, D)`` each."""
    draw = np.random.default_rng(1)
    return curvatures(draw, 2000, 6), draw.dirichlet(np.ones(6), 2000)
