"""Views beside claims on singular values, subspaces and edited weights."""

from __future__ import annotations

import numpy as np

from coupling_bench.measures import spectra
from coupling_bench.requirements import Beside, RunsOf
from coupling_bench.runs import Array


def drift_beside(edit: str, measure: str, name: str) -> Beside:
    """Show a field of ``spectra.Drift`` from the moment that an edit puts back to the run's end."""

    def of_runs(runs: RunsOf) -> Array:
        return spectra.mean(spectra.since_moment(runs(edit)), measure)

    return Beside(name=name, unit="mean over matrices", nodes=(edit,), measure=of_runs)


def drift_difference(measure: str, name: str) -> Beside:
    """Show a field of ``spectra.Drift`` over all of RL minus that over all of SFT."""

    def of_runs(runs: RunsOf) -> Array:
        ours, theirs = (spectra.mean(spectra.along(runs(one)), measure) for one in ("rl", "sft"))
        return ours - theirs

    return Beside(name=name, unit="mean over matrices", nodes=("rl", "sft"), measure=of_runs)


def loss_ranks_as(sft: str, measure: str, name: str) -> Beside:
    """Show the rank correlation of the SFT loss out of domain with something else along SFT."""

    def of_runs(runs: RunsOf) -> Array:
        return spectra.loss_ranks_as(runs(sft), measure)

    return Beside(
        name=f"of the loss with {name}", unit="Spearman's rho", nodes=(sft,), measure=of_runs
    )


def length_of_edit(edit: str) -> Beside:
    """Show how far an edit moved the weights."""

    def of_runs(runs: RunsOf) -> Array:
        stages, store = runs(edit).stages, runs(edit).store
        return np.array([store.get(stage).facts["norm"] for stage in stages])

    return Beside(
        name=f"length of the step from the run's end to {edit}",
        unit="norm of the weights",
        nodes=(edit,),
        measure=of_runs,
    )
