"""Killing real training processes at random moments, over and over, until an entry is made."""

import random
import shutil
import signal
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from coupling_bench.pipelines import NODES, lineage, observation
from coupling_bench.specs import (
    BestSnapshotSpec,
    EditSpec,
    ExactSpec,
    FlowSpec,
    LoraSpec,
    PerturbSpec,
    SnapshotSpec,
    Spec,
    parent,
)
from coupling_bench.stages.unfinished import VARIABLE
from coupling_bench.store import Store
from coupling_bench.store.housekeeping import damaged
from tests.interrupting import files
from tests.killing import Outcome, run_and_kill
from tests.tiny import recipe

RECIPE = recipe()
BASE = RECIPE.base
SFT, RL, RLOO, DPO = (NODES[name](RECIPE, 0) for name in ("sft", "rl", "rloo", "dpo"))
LONG = {"prompts_per_step": 16, "max_steps": 10}
GRPO = replace(RL, **LONG)
MANY_KILLS: dict[str, Spec] = {
    "pretraining": replace(BASE, max_steps=30, snapshot_every=10),
    "sft": SFT,
    "sft of adapters": replace(SFT, lora=LoraSpec(rank=4, alpha=8)),
    "grpo": GRPO,
    "grpo on old completions": replace(GRPO, num_iterations=2, beta=0.1),
    "rloo": replace(RLOO, **LONG),
    "dpo": replace(DPO, num_train_epochs=2),
    "exact": ExactSpec(
        start=BASE, task=RECIPE.task, objective="loss", prompts=24, batch=5, learning_rate=1e-2,
        optim="adamw", max_steps=12, snapshot_every=5,
    ),
    "flow": FlowSpec(
        start=BASE, task=RECIPE.task, objective="reward", prompts=12, learning_rate=1e-2,
        max_steps=9, snapshot_every=4,
    ),
    "snapshot": SnapshotSpec(start=SFT, step=4),
    "best snapshot": BestSnapshotSpec(start=SFT),
    "edit": EditSpec(start=SnapshotSpec(start=SFT, step=4), part="entries"),
    "random step": PerturbSpec(start=SFT, matched="norm", seed=1),
    "observation": observation(SFT, 0, "held_out"),
}  # fmt: skip
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)
MOST_ATTEMPTS = 7
NOT_COMPARED = {"manifest.json", "stage.log"}
"""Files of an entry that hold times."""


@dataclass
class Campaign:
    """What has become of it."""

    kills: Counter = field(default_factory=Counter)
    """Processes that were killed, by kind of stage."""
    resumed: Counter = field(default_factory=Counter)
    """Attempts that went on from a checkpoint of a killed one."""
    wrong: list[str] = field(default_factory=list)
    """What was lost, served half, or ended otherwise."""


def campaign(kinds: Iterable[str], kills: int, root: Path, seed: int) -> Campaign:
    """Kill the making of each kind at random moments, ``kills`` times at least, and let it end.

    Whatever is in the store after a kill is compared with its manifest, and in the end every entry
    with that of a process which nobody killed. A kill comes after a random time, or as the stage
    tells of a random step.
    """
    draw, found, store = random.Random(seed), Campaign(), Store(root)
    for kind in kinds:
        spec = MANY_KILLS[kind]
        _make_ancestors(spec, store)
        undisturbed = run_and_kill(spec, store.root)
        if not undisturbed.finished:
            found.wrong.append(f"{kind}: not made though nobody disturbed it")
        contents = _contents(store, spec)
        while found.kills[kind] < kills:
            shutil.rmtree(store.folder(spec))
            _until_it_ends(kind, spec, store, undisturbed, draw, found)
            if _contents(store, spec) != contents:
                found.wrong.append(f"{kind}: another entry than that of an undisturbed process")
    return found


def _until_it_ends(
    kind: str, spec: Spec, store: Store, whole: Outcome, draw: random.Random, found: Campaign
) -> None:
    """Make one entry in processes of which the first ones are killed, each at a random moment."""
    for attempt in range(MOST_ATTEMPTS):
        spared = attempt == MOST_ATTEMPTS - 1  # what cannot be gone on with ends at last
        at_step = whole.step > 0 and draw.random() < 0.5
        outcome = run_and_kill(
            spec, store.root, signal=draw.choice(SIGNALS),
            at_step=draw.randint(1, whole.step) if at_step and not spared else None,
            after_seconds=None if at_step or spared else draw.uniform(0, whole.seconds),
            environment={VARIABLE: draw.choice(["0", "0.05", "0.3"])},
        )  # fmt: skip
        found.kills[kind] += outcome.killed
        found.resumed[kind] += any("resumes at" in note for note in outcome.notes)
        damaged(store, lambda name, why: found.wrong.append(f"{kind}: {name} is served: {why}"))
        if outcome.finished:
            return
    found.wrong.append(f"{kind}: never ended")


def _make_ancestors(spec: Spec, store: Store) -> None:
    start = parent(spec)
    if start is not None:
        for one in lineage(start):
            run_and_kill(one, store.root)


def _contents(store: Store, spec: Spec) -> dict[str, str]:
    folder = store.folder(spec)
    return {name: digest for name, digest in files(folder).items() if name not in NOT_COMPARED}
