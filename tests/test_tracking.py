"""Trainers log where a user asks, the same numbers as in the store, and no number depends on it."""

import importlib.machinery
import json
import os
import sys
import types
import warnings
from dataclasses import replace

import numpy as np
import pytest

from coupling_bench import stages, tracking
from coupling_bench.fingerprint import address
from coupling_bench.pipelines import NODES
from coupling_bench.stages import training
from coupling_bench.store import Store
from coupling_bench.tracking import Tracker
from tests.tiny import recipe

RECIPE = recipe()
SFT = NODES["sft"](RECIPE, 0)
BASE = replace(RECIPE.base, max_steps=2)
SFT_FROM_BASE = replace(SFT, start=BASE)


@pytest.fixture
def track():
    """Log through a tool until the test ends."""
    yield tracking.use
    tracking.use(None)


@pytest.fixture(scope="module")
def untracked(tmp_path_factory):
    """A store whose stages were trained without logging anywhere."""
    store = Store(tmp_path_factory.mktemp("untracked"))
    for spec in (BASE, SFT_FROM_BASE):
        stages.make(spec, store)
    return store


def losses(entry):
    return {
        row["step"]: row["loss"]
        for row in json.loads((entry.folder / "log.json").read_text())
        if "loss" in row
    }


def scalars(folder):
    """What TensorBoard reads from a folder: values by step, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorBoard's own deprecations
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(folder))
        events.Reload()
    return {
        name: {event.step: event.value for event in events.Scalars(name)}
        for name in events.Tags()["scalars"]
    }


def test_tensorboard_shows_the_losses_of_the_log_and_changes_none(untracked, track, tmp_path):
    """Two stages have a folder each; the entry holds what it held without, and no event file."""
    pytest.importorskip("tensorboard")
    names = {address(SFT_FROM_BASE): "embedded: sft, seed 0"}
    track(Tracker(tool="tensorboard", folder=tmp_path / "board", names=names))
    store = Store(tmp_path / "store")
    folders = {BASE: address(BASE), SFT_FROM_BASE: "embedded/sft/seed-0"}
    for spec, folder in folders.items():
        entry, made = stages.make(spec, store)
        assert made
        logged = scalars(tmp_path / "board" / folder)["train/loss"]
        expected = losses(entry)
        assert len(expected) >= 2
        assert logged == {step: float(np.float32(loss)) for step, loss in expected.items()}
        plain = untracked.get(spec)
        assert expected == losses(plain)
        assert entry.manifest["files"].keys() == plain.manifest["files"].keys()
    assert "TENSORBOARD_LOGGING_DIR" not in os.environ


def test_a_stage_that_is_reused_logs_nothing(untracked, track, tmp_path):
    track(Tracker(tool="tensorboard", folder=tmp_path / "board"))
    _, made = stages.make(SFT_FROM_BASE, untracked)
    assert not made
    assert not (tmp_path / "board").exists()
    assert "no stage was trained" in tracking.told(tracking._tracker, 0, 2)
    assert "the 1 reused ones log nothing" in tracking.told(tracking._tracker, 3, 1)
    assert tracking.told(None, 3, 1) == ""


@pytest.mark.parametrize("node", ["sft", "rl", "rloo", "dpo"])
@pytest.mark.parametrize("tool", tracking.TOOLS)
def test_every_trainer_is_told_the_tool_and_the_stage(node, tool, track, tmp_path):
    spec = NODES[node](RECIPE, 1)
    assert training.common_options(spec, tmp_path)["report_to"] == "none"
    before = address(spec)
    track(Tracker(tool=tool, folder=tmp_path, names={before: f"embedded: {node}, seed 1"}))
    told = training.common_options(spec, tmp_path)
    assert (told["report_to"], told["run_name"]) == (tool, f"embedded/{node}/seed-1")
    assert address(spec) == before


def test_each_stage_is_a_run_of_its_own_and_users_variables_win(track, tmp_path, monkeypatch):
    """A stand-in for W&B: its callback would go on with the run of the stage before."""
    ended = []
    wandb = types.ModuleType("wandb")
    wandb.__spec__ = importlib.machinery.ModuleSpec("wandb", None)
    wandb.finish = lambda: ended.append(os.environ["WANDB_PROJECT"])
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    tracking.check("wandb")
    track(Tracker(tool="wandb", folder=tmp_path / "wandb"))
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    with pytest.raises(FloatingPointError), tracking.run("SFTSpec-1"):
        assert os.environ["WANDB_DIR"] == str(tmp_path)
        assert os.environ["WANDB_PROJECT"] == "coupling_bench"
        raise FloatingPointError
    assert "WANDB_DIR" not in os.environ
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    with tracking.run("SFTSpec-2"):
        assert os.environ["WANDB_PROJECT"] == "mine"
    assert ended == ["coupling_bench", "mine"]


def test_a_tool_that_is_not_installed_gets_a_sentence_with_its_extra(monkeypatch):
    monkeypatch.setattr(tracking.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'coupling-bench\[mlflow\]'"):
        tracking.check("mlflow")
