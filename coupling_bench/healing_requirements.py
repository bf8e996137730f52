"""What claims on forgetting out of domain presuppose, and views beside their effects."""

from __future__ import annotations

from coupling_bench.measures import healing
from coupling_bench.requirements import (
    Beside,
    Measured,
    Requirement,
    RunsOf,
    loss_change,
    over_seeds,
)
from coupling_bench.runs import Array

SFT = "long_sft"
ALONG = (
    Beside(
        name="change of the accuracy in domain from the peak out of domain to the end",
        unit="accuracy",
        nodes=(SFT,),
        measure=lambda runs: healing.rise_in_domain(runs(SFT)),
    ),
    loss_change("base", SFT),
)
"""Views of a long SFT on the whole."""


def forgets() -> Requirement:
    """Require that SFT has lost accuracy out of domain since its peak: else nothing is to heal."""

    def measure(runs: RunsOf) -> Measured:
        return over_seeds(healing.forgotten(runs(SFT)))

    return Requirement(
        name=f"what {SFT} lost of its accuracy out of domain since its peak",
        unit="accuracy",
        nodes=(SFT,),
        measure=measure,
        above=0.0,
    )


def steps_to_least_loss() -> Beside:
    """Show how many doublings of SFT's steps the least loss lies after the peak."""
    return Beside(
        name="doublings of the steps from the peak out of domain to the least held-out loss",
        unit="log2 of steps",
        nodes=(SFT,),
        measure=lambda runs: healing.doublings_to_least_loss(runs(SFT)),
        note="0: the same snapshot",
    )


def lost_and_restored(second: str) -> tuple[Beside, Beside]:
    """Show denominator and numerator of the share restored."""
    return (
        Beside(
            name="accuracy out of domain at SFT's peak minus at its end",
            unit="accuracy",
            nodes=(SFT,),
            measure=lambda runs: healing.forgotten(runs(SFT)),
        ),
        Beside(
            name=f"accuracy out of domain after {second} minus at SFT's end",
            unit="accuracy",
            nodes=(SFT, second),
            measure=lambda runs: healing.restored(runs(second), runs(SFT)),
        ),
    )


def share_restored(second: str) -> Beside:
    """Show the share restored, where what was lost is told from zero."""

    def measure(runs: RunsOf) -> Array | None:
        return healing.recovery(runs(second), runs(SFT))

    return Beside(
        name=f"share of what SFT lost that {second} restores",
        unit="ratio",
        nodes=(SFT, second),
        measure=measure,
        note="left out where the interval of what was lost holds zero",
    )


def of_the_likelier_answer(second: str, *, since_peak: bool) -> Beside:
    """Show the change out of domain where sharpening of the same answers counts for nothing."""

    def measure(runs: RunsOf) -> Array | None:
        return healing.judged_change(runs(second), runs(SFT), since_peak=since_peak)

    return Beside(
        name=f"the same of the likelier answer after {second}",
        unit="accuracy",
        nodes=(SFT, second),
        measure=measure,
        note="what is missing here from the effect above was sharpening of the same answers",
    )
