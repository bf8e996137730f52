"""Checkpoints measured: each number against one row at a time and scipy, nothing computed twice."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from coupling_bench import checkpoints, models, probes, stages, tasks
from coupling_bench.fingerprint import address
from coupling_bench.measuring.recording import OVER_ITEMS
from coupling_bench.pipelines import NODES
from coupling_bench.specs import LoraSpec
from coupling_bench.stages import importing
from coupling_bench.stages.training import quiet_libraries
from coupling_bench.store import Store
from tests import architectures
from tests.measuring.asked import (
    TASK,
    measure,
    naive_logps,
    question,
    silent,
    taught,
    with_template,
)
from tests.tiny import imported

PLAIN = "{sentence}\n"


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """Folders of two models from elsewhere, with random weights."""
    folder = tmp_path_factory.mktemp("foreign")
    architectures.save("llama", folder / "a")
    architectures.save("llama", folder / "b", initializer_range=0.2)
    return {name: folder / name for name in ("a", "b")}


@pytest.fixture(scope="module")
def trained(foreign, tmp_path_factory):
    """Folders of two models that answer, the second one better."""
    folder = tmp_path_factory.mktemp("trained")
    task = with_template(tasks.load(TASK), PLAIN)
    base = taught(foreign["a"], folder / "base", task, steps=6)
    return {"base": base, "sft": taught(base, folder / "sft", task, steps=6)}


def by_hand(folder, task):
    """Loss, reward and outcomes of each item: p_D and verifier are written out here."""
    p = np.exp(naive_logps(folder, task))
    right = np.arange(2) == np.array([[item.truth] for item in task.splits["held_out"]])
    losses = -(np.where(right, 0.9, 0.1) * np.log(p)).sum(axis=1)
    rewards = np.where(right, p, -p).sum(axis=1) - (1 - p.sum(axis=1))
    return losses, rewards, np.column_stack([p, 1 - p.sum(axis=1)])


def close(found, values, tolerance=2e-4):
    """Whether a row has the mean of values and scipy's interval of it."""
    mean, error = np.mean(values), stats.sem(values)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=mean, scale=error)
    assert found["estimate"] == pytest.approx(mean, abs=tolerance)
    assert found["interval"] == pytest.approx([low, high], abs=tolerance)


def test_each_number_is_that_of_naive_log_probabilities_and_scipys_intervals(trained, tmp_path):
    task = with_template(tasks.load(TASK), PLAIN)
    found = measure(tmp_path, trained, prompt_template=PLAIN)
    assert found["note"] == OVER_ITEMS
    assert (found["items"], found["answers"]) == (40, "closed")
    base, sft = (by_hand(trained[name], task) for name in ("base", "sft"))
    for row, (losses, rewards, _) in zip(found["checkpoints"], (base, sft), strict=True):
        close(row["loss"], losses)
        close(row["reward"], rewards)
        assert row["sub_optimality"] == pytest.approx(losses.mean() - 0.325083, abs=2e-4)
        guesses = np.array(naive_logps(row["source"], task)).argmax(axis=1)
        truths = np.array([item.truth for item in task.splits["held_out"]])
        close(row["accuracy"], (guesses == truths).astype(float))
    (pair,) = found["pairs"]
    assert (pair["first"], pair["second"]) == ("base", "sft")
    close(pair["loss_change"], sft[0] - base[0])
    close(pair["reward_change"], sft[1] - base[1])
    forth, back = pair["kl"]
    assert (forth["policy"], forth["reference"], forth["estimator"]) == ("sft", "base", "exact")
    close(forth, stats.entropy(sft[2], base[2], axis=1))
    close(back, stats.entropy(base[2], sft[2], axis=1))
    assert forth["estimate"] > 0.1
    limit = np.sqrt(2 * min(forth["estimate"], back["estimate"]))
    change = abs(pair["reward_change"]["estimate"])
    assert pair["bounds"][0]["slack"] == pytest.approx(limit - change)
    assert {bound["state"] for bound in pair["bounds"]} <= {"holds", "not applicable"}


def test_the_order_of_the_names_is_the_order_of_the_comparison(foreign, tmp_path):
    forth = measure(tmp_path, {"a": foreign["a"], "b": foreign["b"]})
    back = measure(tmp_path, {"b": foreign["b"], "a": foreign["a"]})
    assert [row["name"] for row in back["checkpoints"]] == ["b", "a"]
    assert forth["checkpoints"] == back["checkpoints"][::-1]
    (one,), (other,) = forth["pairs"], back["pairs"]
    assert one["loss_change"]["estimate"] == -other["loss_change"]["estimate"] != 0.0
    assert one["kl"] == other["kl"][::-1]


def test_a_second_call_computes_nothing(foreign, tmp_path, monkeypatch):
    first = measure(tmp_path, foreign)

    def never(*arguments):
        raise AssertionError("computed again")

    for module, name in ((probes, "run"), (importing, "run"), (models, "load")):
        monkeypatch.setattr(module, name, never)
    assert measure(tmp_path, foreign) == first


def test_a_checkpoint_and_itself_do_not_differ(foreign, tmp_path):
    found = measure(tmp_path, {"one": foreign["a"], "same": foreign["a"]})
    (pair,) = found["pairs"]
    for key in ("loss_change", "reward_change"):
        assert pair[key] == {"estimate": 0.0, "interval": [0.0, 0.0]}
    assert [kl["estimate"] for kl in pair["kl"]] == [0.0, 0.0]


def test_adapters_are_measured_as_the_model_that_they_make(foreign, tmp_path):
    import torch

    model, tokenizer = models.load(foreign["a"])
    quiet_libraries()
    adapted = models.adapt(model, LoraSpec(rank=4, alpha=4))
    torch.manual_seed(1)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.3)
    adapted.peft_config["default"].base_model_name_or_path = str(foreign["a"])
    adapted.save_pretrained(tmp_path / "adapters")
    models.save(adapted.merge_and_unload(), tokenizer, tmp_path / "whole")
    named = {"base": foreign["a"], "sft": tmp_path / "adapters", "whole": tmp_path / "whole"}
    base, adapters, whole = measure(tmp_path, named)["checkpoints"]
    assert adapters["loss"]["estimate"] == pytest.approx(whole["loss"]["estimate"], abs=1e-3)
    assert abs(adapters["loss"]["estimate"] - base["loss"]["estimate"]) > 0.05


def test_a_stage_of_a_store_is_asked_as_it_was_trained_and_by_its_name(foreign, tmp_path):
    """SFT of our own on other words, named by folder or by address; a template overrules."""
    tiny = imported(foreign["a"])
    task = replace(tiny.task, prompt_template="Judge: {sentence}\n")
    base = replace(tiny.base, task=task)
    sft = replace(tiny.sft, start=base, task=task)
    store = Store(tmp_path / "store")
    for spec in (base, sft):
        entry, _ = stages.make(spec, store)

    def asked(source, **changes):
        (stage,) = question(tmp_path, {"m": source}, **changes).stages().values()
        return stage.start.files, stage.task.prompt_template

    files = checkpoints.digests(entry.folder)
    assert asked(entry.folder) == asked(entry.folder.name) == (files, "Judge: {sentence}\n")
    assert asked(entry.folder, prompt_template="{sentence}?") == (files, "{sentence}?")
    assert "acceptable English" in asked(foreign["a"])[1]


def test_adapters_in_a_store_that_was_moved_find_what_they_adapt(foreign, tmp_path):
    tiny, store = imported(foreign["a"], LoraSpec(rank=4, alpha=8)), Store(tmp_path / "before")
    for node in ("base", "sft"):
        entry, _ = stages.make(NODES[node](tiny, 0), store)

    def identity(folder):
        return address(question(tmp_path, {"m": folder}).stages()["m"])

    here = identity(entry.folder)
    store.root.rename(tmp_path / "after")
    assert identity(tmp_path / "after" / entry.folder.name) == here


def test_out_of_domain_items_are_measured_when_asked_for(foreign, tmp_path):
    found = measure(tmp_path, {"a": foreign["a"]}, split="out_of_domain")
    assert (found["split"], found["items"], found["pairs"]) == ("out_of_domain", 20, [])


def test_the_record_is_json_and_says_that_nothing_was_claimed(foreign, tmp_path):
    from coupling_bench import measuring

    record = measuring.measure(question(tmp_path, foreign), silent, command="x")
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["claims"] == []
