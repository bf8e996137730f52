"""Exact gradients against finite differences and against autograd of whole rows, one at a time."""

import dataclasses
import json
import math
import shutil

import numpy as np
import pytest
import torch

from coupling_bench import models, tasks
from coupling_bench.specs import ExactSpec, SnapshotSpec
from coupling_bench.stages import exact, objectives, snapshot
from tests.tiny import recipe

RECIPE = recipe(label_noise=0.2)
TASK = tasks.load(RECIPE.task)
TRUTHS = [item.truth for item in TASK.splits["sft"]]
SFT = ExactSpec(
    start=RECIPE.base, task=RECIPE.task, objective="loss", prompts=6, dtype="float64",
    learning_rate=1e-2, optim="adamw", max_steps=12, snapshot_every=5,
)  # fmt: skip
RL = dataclasses.replace(
    SFT, start=SFT, objective="reward", optim="sgd", max_steps=1, learning_rate=1e-3
)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A model with random weights, and the tokenizer of a few sentences."""
    folder = tmp_path_factory.mktemp("base")
    shape = dataclasses.replace(RECIPE.base.start, hidden_size=16, intermediate_size=24, head_dim=4)
    texts = [TASK.prompt(i) + TASK.response(i) for i in TASK.splits["pretraining"][:40]]
    tokenizer = models.new_tokenizer(dataclasses.replace(shape, vocab_size=300), texts)
    models.save(models.new_model(shape, tokenizer, seed=1), tokenizer, folder)
    models.end_snapshots(folder, 0)
    return folder


@pytest.fixture(scope="module")
def sft(base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sft")
    exact.run(SFT, base, folder)
    return folder


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def gradient(spec, folder):
    """The means that one step logs, and the gradient that it goes along."""
    model, tokenizer = models.load(folder, dtype=spec.dtype)
    objective = objectives.Objective.of(spec, model, tokenizer)
    logged = objective.backward(model, range(len(objective)))
    return objective, logged, torch.cat([p.grad.flatten() for p in model.parameters()])


def enumerated(model, objective, start=None):
    """J - beta KL(pi || start) of each prompt by whole rows without cache, padding or batch."""
    of_each = []
    for number, prompt in enumerate(objective.prompts):
        chances, reward = [], 0.0
        for of_all, worth in zip(objective.answers, objective.rewards[number], strict=True):
            ids = torch.tensor([[*prompt, *of_all[number]]])
            found = torch.log_softmax(model(input_ids=ids).logits[0, :-1], dim=-1)
            answer = ids[0, len(prompt) :]
            chances.append(found[len(prompt) - 1 :].gather(1, answer[:, None]).sum().exp())
            reward = reward + chances[-1] * worth
        rest = 1 - sum(chances)
        of_each.append((torch.stack([*chances, rest]), reward - rest))  # anything else earns -1
    value = sum(reward for _, reward in of_each) / len(of_each)
    if start is not None:
        outcomes = torch.stack([p for p, _ in of_each])
        value = value - objective.spec.beta * (outcomes * (outcomes / start).log()).sum(1).mean()
    return value, torch.stack([p for p, _ in of_each]).detach()


def test_the_gradient_of_reward_is_that_of_enumerated_rows(sft, base):
    """With a penalty to another policy than the current one, so that the penalty has a gradient."""
    spec = dataclasses.replace(RL, beta=0.3)
    model, tokenizer = models.load(sft, dtype="float64")
    first, _ = models.load(base, dtype="float64")
    objective = objectives.Objective.of(spec, first, tokenizer)
    objective.backward(model, range(6))
    found = torch.cat([p.grad.flatten() for p in model.parameters()])
    _, start = enumerated(first, objective)
    value, _ = enumerated(model, objective, start)
    model.zero_grad()
    value.backward()
    expected = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert expected.norm() > 1e-3
    # Rotary angles are fp32 in transformers, on either way: all that is left is fp64's rounding.
    assert (found + expected).norm() < 1e-9 * expected.norm()


@pytest.mark.parametrize("objective", ["loss", "reward"])
def test_one_small_step_changes_the_objective_as_its_gradient_says(sft, tmp_path, objective):
    """Finite differences along the step itself, from both sides; the step is -rate * gradient."""
    spec = dataclasses.replace(RL, objective=objective, learning_rate=1e-5)
    _, before, slope = gradient(spec, sft)
    exact.run(spec, sft, tmp_path)
    model, _ = models.load(sft, dtype="float64")
    after, _ = models.load(tmp_path, dtype="float64")
    step = weights(after) - weights(model)
    assert (step + 1e-5 * slope).norm() < 1e-12 * slope.norm()
    _, forth, _ = gradient(spec, tmp_path)
    sign = 1 if objective == "loss" else -1
    predicted = -sign * 1e-5 * float(slope @ slope)
    assert forth[objective] - before[objective] == pytest.approx(predicted, rel=1e-2)


def test_with_gold_demonstrations_the_loss_is_minus_the_mean_log_probability_of_the_truth(sft):
    gold = dataclasses.replace(RL, task=dataclasses.replace(RECIPE.task, label_noise=0.0))
    objective, logged, _ = gradient(dataclasses.replace(gold, objective="loss"), sft)
    model, _ = models.load(sft, dtype="float64")
    logps = objective.logps(model, range(6)).detach()
    places = objectives.draw(gold, len(TRUTHS))
    truth = torch.tensor([TRUTHS[place] for place in places])
    assert logged["loss"] == pytest.approx(-float(logps[range(6), truth].mean()), abs=1e-12)


def test_training_goes_down_to_the_demonstrators_entropy(sft):
    """Six prompts are learnt by heart: the loss comes near h(0.2), and never below it."""
    losses = [row["loss"] for row in json.loads((sft / "log.json").read_text())]
    entropy = -0.2 * math.log(0.2) - 0.8 * math.log(0.8)
    assert losses[-1] < losses[0] - 1
    assert min(losses) > entropy


def test_the_same_spec_gives_the_same_bits_and_fp64_stays_fp64(sft, base, tmp_path):
    exact.run(SFT, base, tmp_path)
    again, _ = models.load(tmp_path, dtype="float64")
    first, _ = models.load(sft, dtype="float64")
    assert torch.equal(weights(again), weights(first))
    assert not torch.equal(weights(first), weights(first).float().double())
    models.load_snapshot(first, sft, 5)
    assert not torch.equal(weights(first), weights(first).float().double())


def test_sft_and_rl_of_one_seed_see_the_same_prompts_and_each_as_often():
    few = dataclasses.replace(RL, prompts=20, batch=5, max_steps=8)
    assert objectives.draw(few, 64) == objectives.draw(dataclasses.replace(SFT, prompts=20), 64)
    assert objectives.draw(few, 64) != objectives.draw(dataclasses.replace(few, seed=1), 64)
    assert set(objectives.draw(SFT, 64)) < set(objectives.draw(few, 64))
    counts = np.bincount([place for part in exact.batches(few, 20) for place in part])
    assert counts.tolist() == [2] * 20


@pytest.mark.parametrize("step", [5, 12])
def test_a_snapshot_is_the_checkpoint_that_the_run_was(sft, tmp_path, step):
    """Its links lead to the entry beside it, wherever the store lies; the last is the whole run."""
    (tmp_path / "store").mkdir()
    start, folder = tmp_path / "store" / "run", tmp_path / "store" / "snapshot"
    shutil.copytree(sft, start)
    folder.mkdir()
    facts = snapshot.run(SnapshotSpec(start=SFT, step=step), start, folder)
    assert facts["snapshots"] == models.snapshot_steps(folder) == [step]
    moved = (tmp_path / "store").rename(tmp_path / "moved") / "snapshot"
    found, _ = models.load(moved, dtype="float64")
    expected, _ = models.load(sft, dtype="float64")
    if step == 5:
        models.load_snapshot(expected, sft, 5)
    assert torch.equal(weights(found), weights(expected))


def test_a_step_that_was_not_stored_is_no_snapshot(sft, tmp_path):
    with pytest.raises(ValueError, match=r"no snapshot after 7 .* after 0, 5, 10, 12"):
        snapshot.run(SnapshotSpec(start=SFT, step=7), sft, tmp_path)


def test_parameters_are_counted_from_the_file_with_tied_ones_once(sft):
    model, _ = models.load(sft)
    assert models.parameters(sft) == sum(p.numel() for p in model.parameters())


def test_numbers_that_are_not_finite_stop_the_stage(base, tmp_path):
    wild = dataclasses.replace(SFT, learning_rate=1e300)
    with pytest.raises(FloatingPointError, match=r"ExactSpec-\w+ \(seed 0\): the \w+ at step 1"):
        exact.run(wild, base, tmp_path)
