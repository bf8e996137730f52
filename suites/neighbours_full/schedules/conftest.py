"""All schedules of the sweeps beside those of the reduced suite."""

import pytest

from coupling_bench.pipelines import GROUPS
from coupling_bench.runs import Runs


def _group(name: str):
    def runs(node) -> list[Runs]:
        return [node(one) for one in GROUPS[name]]

    runs.__doc__ = f"The schedules of the group {name}."
    return pytest.fixture(name=name)(runs)


schedules, other_schedules, joint_sweep, held_sweep, sequences = map(
    _group, ("schedules", "other_schedules", "joint_sweep", "held_sweep", "sequences")
)


@pytest.fixture
def orders(short_sft_then_rl, short_rl_then_sft) -> list[Runs]:
    """SFT then RL, and RL then SFT."""
    return [short_sft_then_rl, short_rl_then_sft]


@pytest.fixture
def every_joint(joint, joint_annealed, joint_sweep) -> list[Runs]:
    """Joint training with every weight."""
    return [joint, joint_annealed, *joint_sweep]


@pytest.fixture
def every_sequence(orders, interleaved, sequences) -> list[Runs]:
    """Stages after each other, in every number of turns."""
    return [*orders, interleaved, *sequences]
