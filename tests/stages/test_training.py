"""The stages train with TRL, the same for the same spec, and stop where they should."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch

from coupling_bench import models, progress, stages, tasks
from coupling_bench.console import Console
from coupling_bench.executors import open_executor
from coupling_bench.fingerprint import address
from coupling_bench.pipelines import NODES, lineage, spine, trainers
from coupling_bench.stages import training
from coupling_bench.store import Store
from tests.tiny import recipe

RECIPE = recipe()


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    """A store with the tiny base in it."""
    store = Store(tmp_path_factory.mktemp("store"))
    stages.make(RECIPE.base, store)
    return store


def weights(folder: Path) -> torch.Tensor:
    model, _ = models.load(folder)
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("node", [*spine.NODES, *trainers.NODES])
def test_every_node_trains_and_leaves_a_checkpoint_its_snapshots_and_its_log(store, node):
    spec = NODES[node](RECIPE, 0)
    for ancestor in lineage(spec):
        entry, _ = stages.make(ancestor, store)
    steps = models.snapshot_steps(entry.folder)
    assert steps[0] == 0
    assert steps[-1] == entry.facts["steps"] > 0
    assert len(json.loads((entry.folder / "log.json").read_text())) >= entry.facts["steps"]
    model, _ = models.load(entry.folder)
    final = weights(entry.folder)
    if node != "base":
        models.load_snapshot(model, entry.folder, 0)
        before = weights(store.get(spec.start).folder)
        assert torch.equal(torch.cat([p.detach().flatten() for p in model.parameters()]), before)
        assert not torch.equal(before, final)


def test_a_worker_process_gives_the_same_bits_as_this_process(store, tmp_path):
    elsewhere = Store(tmp_path)
    executor = open_executor("process", elsewhere, 1, lambda message: None)
    specs = [NODES[node](RECIPE, 1) for node in ("sft", "rl", "rloo", "dpo")]
    try:
        for spec in (RECIPE.base, *specs):
            executor.submit(spec).result()
    finally:
        executor.close()
    for spec in specs:
        here, _ = stages.make(spec, store)
        assert torch.equal(weights(here.folder), weights(elsewhere.get(spec).folder)), spec


@pytest.mark.parametrize("node", ["sft", "rl", "rloo", "dpo"])
def test_the_micro_batch_does_not_change_the_numbers(store, node, tmp_path):
    """Steps in one piece or in four: weights agree to a thousandth of the way they went."""
    spec = NODES[node](RECIPE, 0)
    one_step = {"max_steps": 1} if node in ("rl", "rloo") else {"num_train_epochs": 1}
    # A large epsilon keeps Adam from blowing rounding up where a gradient is nearly zero.
    whole = dataclasses.replace(spec, adam_epsilon=1e-3, **one_step)
    pieces = dataclasses.replace(whole, micro_batch=spec.rows_per_step // 4)
    assert address(whole) == address(pieces)
    ends = []
    for number, variant in enumerate((whole, pieces)):
        own = Store(tmp_path / str(number))
        shutil.copytree(store.folder(RECIPE.base), own.folder(RECIPE.base))
        ends.append(weights(stages.make(variant, own)[0].folder))
    moved = (ends[0] - weights(store.get(RECIPE.base).folder)).norm()
    assert moved > 1e-3
    assert (ends[0] - ends[1]).norm() < 1e-3 * moved


def test_sft_is_trls_own_trainer_on_the_response_alone(store, tmp_path):
    """Plain SFTTrainer with hand-made options and rows: a ten-thousandth of the way apart."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    # A large epsilon keeps Adam from blowing rounding up where a gradient is nearly zero.
    spec = dataclasses.replace(NODES["sft"](RECIPE, 2), adam_epsilon=1e-3)
    ours, _ = stages.make(spec, store)
    assert "fallbacks" not in ours.facts
    training.quiet_libraries()
    model, tokenizer = models.load(store.get(RECIPE.base).folder)
    task = tasks.load(spec.task)
    answers = task.demonstrations("sft", 2)
    rows = [
        {"prompt": f"{item.text}\n", "completion": ["acceptable", "unacceptable"][a]}
        for item, a in zip(task.splits["sft"], answers, strict=True)
    ]
    config = SFTConfig(
        output_dir=str(tmp_path), per_device_train_batch_size=16, num_train_epochs=2,
        learning_rate=spec.learning_rate, lr_scheduler_type="cosine", seed=2,
        data_seed=2, max_length=96, use_cpu=True, bf16=False, activation_checkpointing=False,
        optim="adamw_torch", report_to="none", save_strategy="no", disable_tqdm=True,
        dataloader_pin_memory=False, adam_epsilon=1e-3,
    )  # fmt: skip
    before = weights(store.get(RECIPE.base).folder)
    trainer = SFTTrainer(
        model=model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer
    )
    trainer.train()
    theirs = torch.cat([p.detach().flatten() for p in trainer.model.parameters()])
    moved = (theirs - before).norm()
    assert moved > 1e-3
    difference = (weights(ours.folder) - theirs).norm()
    assert difference < 1e-4 * moved


def test_a_stage_says_why_it_padded(store):
    spec = dataclasses.replace(NODES["sft"](RECIPE, 0), neftune_noise_alpha=5.0)
    entry, _ = stages.make(spec, store)
    assert entry.facts["fallbacks"] == {
        "packing": "NEFTune scales its noise by the width of the batch"
    }


def test_numbers_that_are_not_finite_stop_the_stage_and_nothing_is_stored(store):
    """The gradient shows it first, one step before the loss does."""
    spec = dataclasses.replace(NODES["sft"](RECIPE, 0), learning_rate=1e30, max_grad_norm=1e30)
    message = rf"{address(spec)} \(seed 0\): the grad_norm at step \d+ of 8 is nan"
    with pytest.raises(FloatingPointError, match=message):
        stages.make(spec, store)
    assert store.find(spec) is None


def test_a_reward_that_is_not_finite_stops_the_stage_and_nothing_is_stored(store, monkeypatch):
    """TRL's nansum would turn it into a 0 and train on."""
    spec = dataclasses.replace(NODES["rl"](RECIPE, 0), recipe_version=99)
    monkeypatch.setattr(tasks.Task, "rewards", lambda _, items, texts: [float("nan")] * len(texts))
    with pytest.raises(FloatingPointError, match=r"GRPOSpec-\w+ \(seed 0\): .* after step 0"):
        stages.make(spec, store)
    assert store.find(spec) is None


@pytest.mark.parametrize(("node", "limit"), [("sft", "max_length"), ("rl", None)])
def test_a_prompt_longer_than_the_context_is_refused_and_not_cut(store, node, limit):
    spec = NODES[node](RECIPE, 0)
    if limit:
        spec = dataclasses.replace(spec, max_length=6)
    else:
        spec = dataclasses.replace(spec, max_completion_length=154)
    with pytest.raises(ValueError, match=rf"{address(spec)}: row \d+ has \d+ tokens .* limit is 6"):
        stages.make(spec, store)


def test_what_trl_does_itself_is_said_in_one_line_and_kept_with_the_stage(store):
    heard = []
    spec = dataclasses.replace(NODES["rl"](RECIPE, 0), repetition_penalty=1.1)
    progress.listen(heard.append)
    try:
        entry, _ = stages.make(spec, store)
    finally:
        progress.listen(None)
    reason = "generation sets repetition_penalty"
    assert entry.facts["fallbacks"] == {"sampling": reason}
    notes = [message.note for message in heard if message.note]
    assert notes == [f"sampling by TRL's own, slower code: {reason}."]
    console = Console(terminal := Lines(), {address(spec): "embedded: rl, seed 0"})
    for message in heard:
        console.progress(message)
    assert sum(notes[0] in line for line in terminal.lines) == 1


class Lines:
    """A terminal that keeps what is written."""

    def __init__(self):
        self.lines = []

    def ensure_newline(self):
        pass

    def write_line(self, text, **markup):
        self.lines.append(text)


def test_the_verifier_is_strict_and_knows_the_truth(store, monkeypatch):
    """What GRPO is rewarded with: +1 for the true answer to the letter, else -1."""
    judged = []
    earned = tasks.Task.rewards

    def spy(task, items, texts):
        rewards = earned(task, items, texts)
        labels = [task.spec.answers[item.truth] for item in items]
        judged.extend(zip(rewards, texts, labels, strict=True))
        return rewards

    monkeypatch.setattr(tasks.Task, "rewards", spy)
    spec = dataclasses.replace(NODES["rl"](RECIPE, 0), recipe_version=98)
    stages.make(spec, store)
    assert len(judged) == spec.max_steps * spec.rows_per_step
    assert {reward for reward, _, _ in judged} == {1.0, -1.0}
    assert all((reward == 1.0) == (text == label) for reward, text, label in judged)
