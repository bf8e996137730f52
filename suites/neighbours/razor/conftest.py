"""The checkpoints that claims of RL's Razor are judged by, and all that the session has.

Claims are about both orders of every trainer and RL stopped early, whatever else runs, so that a
verdict is always of the same checkpoints. The tables and the figure take in every stage of the
session that comes from the same base by training on the same task.

"Forgetting" is said of two things, with the same margins. Answers as they are sampled are what the
paper's accuracies are made of; a base that doubts loses some of them to chance, and RL, which makes
sure, wins them back where it has learnt nothing. Likeliest answers are free of that.
"""

import pytest

from coupling_bench.measures import razor
from coupling_bench.pipelines.observing import observed_splits
from coupling_bench.pipelines.razor import COMPARED
from coupling_bench.requirements.forgetting import points_of


@pytest.fixture(autouse=True)
def _known_before(base):
    """Skip where nothing says what the base could do before."""
    if "out_of_domain" not in observed_splits(base.task):
        pytest.skip("forgetting needs an out-of-domain split: give out_of_domain in task.toml")


@pytest.fixture(scope="session")
def compared(node) -> list[razor.Point]:
    """The checkpoints that claims are judged by, which they ask for by what they require."""
    return points_of(COMPARED, node)


@pytest.fixture(scope="session")
def compared_choices(compared) -> list[razor.Point]:
    """The same by the likeliest answers."""
    choices = razor.of_choices(compared)
    if not choices:
        pytest.skip("the likeliest answers are known where answers are a closed set")
    return choices


@pytest.fixture(scope="session")
def of_session(compared, whole_session, base) -> list[razor.Point]:
    """Each checkpoint that the session trains from the same base on the same task."""
    return razor.points(whole_session, base)
