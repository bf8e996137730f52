"""Every kind of training on derivations, whose answers are open and whose p_D is known."""

from dataclasses import replace

import numpy as np
import pytest

from coupling_bench import scales, stages, tasks
from coupling_bench.measures import loss, reward
from coupling_bench.measures.steps import step_accuracy
from coupling_bench.pipelines import NODES, observation, splits_of
from coupling_bench.runs import Runs, Split, observe
from coupling_bench.store import Store
from tests.measuring.asked import naive_logps
from tests.tiny import EMBEDDED

TASK = replace(
    scales.task("arithmetic", "smoke"), pretraining_size=400, prompts_size=64, held_out_size=4,
    samples=2,
)  # fmt: skip


def recipe():
    whole = scales.recipe(EMBEDDED, TASK, "smoke")
    base = replace(whole.base, max_steps=30, warmup_steps=2, batch_size=16, learning_rate=1e-2)
    few = {"max_steps": 2, "prompts_per_step": 4, "num_generations": 4, "snapshot_every": 2}
    return replace(
        whole, base=base, rl=replace(whole.rl, **few), rloo=replace(whole.rloo, **few),
        dpo=replace(whole.dpo, batch_size=8), sft=replace(whole.sft, batch_size=16, warmup_steps=0),
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The base, what is trained from it and on SFT, and the observations that are asked for."""
    store = Store(tmp_path_factory.mktemp("store"))
    runs = {}
    for node in ("base", "long_sft", "sft", "sft_then_rl", "sft_then_rloo", "sft_then_dpo"):
        stage = NODES[node](recipe(), 0)
        if node == "long_sft":
            stage = replace(stage, max_steps=2, also_after=(1,))
        stages.make(stage, store)
        for split in splits_of(TASK) if node == "long_sft" else ("held_out",):
            stages.make(observation(stage, 0, split), store)
        runs[node] = Runs(node=node, seeds=(0,), stages=(stage,), store=store)
    return runs


@pytest.mark.parametrize("split", splits_of(TASK))
def test_the_loss_is_exact_over_all_that_may_be_demonstrated(trained, split):
    """L against one row at a time, by torch alone; J_D and L* against p_D itself."""
    task, runs, asked = tasks.load(TASK), trained["long_sft"], Split(name=split)
    logps = np.array(naive_logps(runs.store.get(runs.stages[0]).folder, task, split))
    p_d = task.demonstrated(split)
    found = loss.sft_loss(runs, asked)[0]
    assert found == pytest.approx(-(p_d * logps).sum(axis=1).mean(), abs=1e-4)
    assert loss.sub_optimality(runs, asked)[0] == pytest.approx(
        found + (p_d * np.log(p_d)).sum(axis=1).mean(), abs=1e-9
    )
    seen = observe(runs, asked)[0]
    assert reward.demonstrator_reward(runs, asked) == pytest.approx(
        (p_d * seen.rewards).sum(axis=1).mean()
    )
    assert not seen.closed and seen.sampled_rewards.shape[1:] == (4, TASK.samples)
    assert 0.0 <= step_accuracy(runs, asked)[0] <= 1.0


def test_every_stage_trains_and_sft_comes_nearer_to_the_demonstrators(trained):
    asked = Split(name="held_out")
    losses = {node: loss.sft_loss(runs, asked)[0] for node, runs in trained.items()}
    assert losses["sft"] < losses["base"]
    for node in ("sft_then_rl", "sft_then_rloo", "sft_then_dpo"):  # rewards may all be alike here
        runs = trained[node]
        assert np.isfinite(losses[node])
        assert runs.store.get(runs.stages[0]).facts["steps"] > 0
