"""What claims on schedules presuppose, and views beside their effects."""

from __future__ import annotations

from coupling_bench.measures import equal_reward, fronts
from coupling_bench.measures.paths import path
from coupling_bench.pipelines.schedules import SEQUENTIAL
from coupling_bench.requirements import (
    HELD_OUT,
    Beside,
    Measured,
    Requirement,
    RunsOf,
    exact_reward_change,
    loss_change,
    over_seeds,
    reward_rises,
)
from coupling_bench.runs import Array


def orders_end_apart() -> tuple[Requirement, Requirement]:
    """Require that the order of SFT and RL trades loss for reward: else there is no front."""

    def measure(runs: RunsOf) -> Measured:
        return over_seeds(fronts.apart([runs(name) for name in SEQUENTIAL], HELD_OUT)[:, 0])

    loss = Requirement(
        name="SFT loss of {} minus that of {}".format(*SEQUENTIAL),
        unit="nats/sequence",
        nodes=SEQUENTIAL,
        measure=measure,
        above=0.0,
    )
    return loss, reward_rises(*reversed(SEQUENTIAL))


def against_the_orders(schedule: str) -> list[Beside]:
    """Show where a schedule ends, against both orders' ends."""
    views = (loss_change, exact_reward_change)
    return [view(order, schedule) for order in SEQUENTIAL for view in views]


def reward_reached(schedule: str, other: str) -> Beside:
    """Show the reward at which two schedules' losses are compared."""

    def measure(runs: RunsOf) -> Array:
        return equal_reward.levels(path(runs(schedule), HELD_OUT), path(runs(other), HELD_OUT))

    return Beside(
        name=f"reward that both {schedule} and {other} reach",
        unit="reward",
        nodes=(schedule, other),
        measure=measure,
    )
