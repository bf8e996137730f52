"""The checkpoints that claims of RL's Razor are judged by, and all that the session has.

Claims are about both orders of every trainer, whatever else runs, so that a verdict is always of
the same checkpoints. The tables and the figure take in every stage of the session that comes from
the same base by training on the same task.
"""

import pytest

from coupling_bench.forgetting_requirements import points_of
from coupling_bench.measures.razor import Point, points
from coupling_bench.pipelines.observing import observed_splits
from coupling_bench.pipelines.trainers import BOTH_ORDERS


@pytest.fixture(autouse=True)
def _known_before(base):
    """Skip where nothing says what the base could do before."""
    if "out_of_domain" not in observed_splits(base.task):
        pytest.skip("forgetting needs an out-of-domain split: give out_of_domain in task.toml")


@pytest.fixture(scope="session")
def both_orders(node) -> list[Point]:
    """Each checkpoint of both orders with every trainer, which claims ask for by their requires."""
    return points_of(BOTH_ORDERS, node)


@pytest.fixture(scope="session")
def of_session(both_orders, whole_session, base) -> list[Point]:
    """Each checkpoint that the session trains from the same base on the same task."""
    return points(whole_session, base)
