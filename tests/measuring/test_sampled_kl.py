"""KL of open answers: the scores are exact, and the estimate is that of enumeration."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from coupling_bench import models, tasks
from coupling_bench.measuring import sampled_kl
from coupling_bench.pipelines import observation
from coupling_bench.specs import JsonlSpec
from tests import architectures, open_task
from tests.measuring.asked import measure, question, silent


@pytest.fixture(autouse=True)
def sums(monkeypatch):
    monkeypatch.setitem(tasks.LOADERS, JsonlSpec, open_task.LOADER)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two models of one tokenizer, one of another, and one whose prompts cannot be shared."""
    folder = tmp_path_factory.mktemp("models")
    architectures.save("llama", folder / "a")
    architectures.save("llama", folder / "b", initializer_range=0.25)
    architectures.save("llama", folder / "chat", chat=True)
    architectures.save("mistral", folder / "sliding", sliding_window=8)
    return folder


def specs(tmp_path, folders, names, **changes):
    """The observations behind a measurement of some models, which is made."""
    named = {name: folders / name for name in names}
    task = open_task.spec(**changes)
    found = measure(tmp_path, named, task=task)
    asked = question(tmp_path, named, task=task)
    watched = [observation(stage, 0, "held_out") for stage in asked.stages().values()]
    return found, watched, asked.store


def next_token_logps(folder, prompt):
    model, tokenizer = models.load(folder)
    with torch.inference_mode():
        logits = model(**tokenizer(prompt, return_tensors="pt")).logits[0, -1].double()
    return torch.log_softmax(logits, dim=-1).numpy()


def test_both_estimates_are_the_divergence_by_enumeration_of_one_token(folders, tmp_path):
    """With completions of one token KL is a sum over the vocabulary."""
    found, watched, _ = specs(tmp_path, folders, "ab", max_completion_tokens=1, samples=400)
    task = tasks.load(watched[0].of.task)
    p, q = (
        np.exp([next_token_logps(folders / n, task.prompt(i)) for i in task.splits["held_out"]])
        for n in "ab"
    )
    forth, back = found["pairs"][0]["kl"]
    for row, exact in ((forth, entropy(q, p, axis=1)), (back, entropy(p, q, axis=1))):
        assert row["estimator"] == "k1"
        spread = np.sqrt(4000)  # samples
        assert row["estimate"] == pytest.approx(exact.mean(), abs=4 * 2.0 / spread)
        low, high = row["interval"]
        assert low < exact.mean() < high


@pytest.mark.parametrize("other", ["b", "sliding"])
def test_completions_are_scored_as_they_were_said_token_by_token(folders, tmp_path, other):
    _, (mine, theirs), store = specs(tmp_path, folders, ["a", other])
    drawn = sampled_kl.CompletionsSpec(of=theirs)
    ids = json.loads((store.get(drawn).folder / sampled_kl.COMPLETIONS).read_text())["ids"]
    scores = np.load(
        store.get(sampled_kl.ScoresSpec(completions=drawn, under=mine)).folder / sampled_kl.SCORES
    )
    model, tokenizer = models.load(folders / "a")
    task = tasks.load(mine.of.task)
    for place, item in enumerate(task.splits["held_out"]):
        prompt = tokenizer(task.prompt(item))["input_ids"]
        for copy, said in enumerate(ids[place]):
            whole = said if len(said) == 3 else [*said, tokenizer.eos_token_id]
            with torch.inference_mode():
                logits = model(input_ids=torch.tensor([[*prompt, *whole]])).logits[0].double()
            logps = torch.log_softmax(logits, dim=-1)
            expected = sum(float(logps[len(prompt) - 1 + at, t]) for at, t in enumerate(whole))
            assert scores[place, copy] == pytest.approx(expected, abs=1e-4)


def test_the_completions_are_those_that_the_reward_is_estimated_from(folders, tmp_path):
    found, (spec, _), store = specs(tmp_path, folders, "ab")
    ids = json.loads(
        (store.get(sampled_kl.CompletionsSpec(of=spec)).folder / sampled_kl.COMPLETIONS).read_text()
    )["ids"]
    task, tokenizer = tasks.load(spec.of.task), models.load(folders / "a")[1]
    items = task.splits["held_out"]
    rewards = [
        task.rewards(items, tokenizer.batch_decode([of[copy] for of in ids], True))
        for copy in range(4)
    ]
    assert found["checkpoints"][0]["reward"]["estimate"] == pytest.approx(np.mean(rewards))


def test_other_tokens_give_no_divergence_and_no_bound_on_the_reward(folders, tmp_path):
    found, _, _ = specs(tmp_path, folders, ["a", "chat"])
    (pair,) = found["pairs"]
    assert {kl["estimate"] for kl in pair["kl"]} == {None}
    assert "tokenizers differ" in pair["kl"][0]["bias"]
    assert [bound["state"] for bound in pair["bounds"]] == ["not applicable"] * 4
    assert pair["loss_change"]["estimate"] != 0.0


def test_a_policy_is_at_no_distance_from_itself(folders, tmp_path):
    _, (spec, _), store = specs(tmp_path, folders, "ab")
    found = sampled_kl.kl(spec, dataclasses.replace(spec), store, silent)
    assert (found["estimate"], found["k3"]["estimate"]) == (0.0, 0.0)
