"""A stage that is killed goes on from its last checkpoint, and ends with the very same bytes."""

import random
import shutil
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench import stages
from coupling_bench.environment import describe
from coupling_bench.pipelines import NODES, strings
from coupling_bench.specs import ExactSpec, FlowSpec, LoraSpec
from coupling_bench.stage_log import NAME as LOG
from coupling_bench.stages import unfinished
from coupling_bench.stages.unfinished import VARIABLE, Unfinished
from coupling_bench.store import UNFINISHED, Store
from tests import architectures
from tests.interrupting import attempt, die, files, with_deaths
from tests.tiny import imported, recipe

RECIPE = recipe()
SFT = NODES["sft"](RECIPE, 0)
LORA = LoraSpec(rank=4, alpha=8)
FOUR_STEPS_AN_EPOCH = {"prompts_per_step": 16, "max_steps": 10}
GRPO = replace(NODES["rl"](RECIPE, 0), **FOUR_STEPS_AN_EPOCH)
RLOO = replace(NODES["rloo"](RECIPE, 0), **FOUR_STEPS_AN_EPOCH)
EXACT = ExactSpec(
    start=RECIPE.base, task=RECIPE.task, objective="loss", prompts=24, batch=5, learning_rate=1e-2,
    optim="adamw", warmup_steps=3, max_steps=12, snapshot_every=5,
)  # fmt: skip
FLOW = FlowSpec(
    start=RECIPE.base, task=RECIPE.task, objective="reward", beta=0.1, prompts=12,
    learning_rate=1e-2, max_steps=9, snapshot_every=4, also_after=(1, 2),
)  # fmt: skip
KINDS = {
    "pretraining in pieces": replace(RECIPE.base, max_steps=8, snapshot_every=3, micro_batch=4),
    "sft": SFT,
    "sft with noise": replace(SFT, neftune_noise_alpha=5.0),
    "sft of adapters": replace(SFT, lora=LORA),
    "sft with shuffled weights": NODES["sft_with_shuffled_weights"](RECIPE, 0),
    "grpo": replace(GRPO, beta=0.1, lora=LORA),
    "grpo on old completions, in pieces": replace(GRPO, num_iterations=2, micro_batch=16),
    "joint, in pieces": replace(
        strings.build("joint:10[sft_weight_end=0.0,prompts_per_step=16]", RECIPE, 0), micro_batch=16
    ),
    "sft of a schedule": strings.build("sft:6[likely_share=0.5]", RECIPE, 0),
    "rloo": RLOO,
    "dpo in pieces": replace(NODES["dpo"](RECIPE, 0), micro_batch=4, num_train_epochs=2),
    "exact": EXACT,
    "flow": FLOW,
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The folder of the tiny base."""
    return stages.make(RECIPE.base, Store(tmp_path_factory.mktemp("store")))[0].folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_stage_that_dies_at_random_moments_ends_as_one_that_does_not(
    kind, base, tmp_path, monkeypatch
):
    """Weights, snapshots, log and facts: nothing else tells them apart than where it went on."""
    spec = KINDS[kind]
    facts, _ = attempt(spec, base, tmp_path / "whole")
    found = with_deaths(
        spec, base, tmp_path / "killed", monkeypatch, random.Random(kind), facts["steps"]
    )
    assert found.pop("resumed_at")
    assert found == facts
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_completions_are_never_cut_off_from_their_later_steps(base, tmp_path, monkeypatch):
    """Completions that three steps learn from are not saved: what is saved is between two of them.

    It dies after step 5 and was saved whenever it could be.
    """
    spec, folder = replace(GRPO, num_iterations=3, max_steps=6), tmp_path / "killed"
    die(spec, base, folder, monkeypatch, moment="step", number=6, saves=lambda: True)
    assert attempt(spec, base, folder)[0]["resumed_at"] == [3]


def test_weights_that_transformers_renames_in_its_files_are_found_again(tmp_path, monkeypatch):
    """GPT-NeoX's output layer: transformers itself would go on with that of the start."""
    model = imported(architectures.save("gpt_neox", tmp_path / "model"))
    start = stages.make(model.base, Store(tmp_path / "store"))[0].folder
    spec = NODES["sft"](model, 0)
    facts, _ = attempt(spec, start, tmp_path / "whole")
    die(spec, start, tmp_path / "killed", monkeypatch, moment="step", number=7, saves=lambda: True)
    assert attempt(spec, start, tmp_path / "killed")[0] == facts | {"resumed_at": [6]}
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


@pytest.fixture(scope="module")
def half(base, tmp_path_factory):
    """What an attempt at ``EXACT`` leaves that dies at step 9 and was saved after every step."""
    folder = tmp_path_factory.mktemp("half")
    with pytest.MonkeyPatch.context() as patch:
        assert die(EXACT, base, folder, patch, moment="step", number=9, saves=lambda: True) is None
    return folder


def test_it_says_so_and_the_manifest_knows(half, base, tmp_path):
    facts, notes = attempt(EXACT, base, shutil.copytree(half, tmp_path / "again"))
    assert notes == ["resumes at step 8 of 12; up to there it is kept."]
    assert facts["resumed_at"] == [8]


def test_what_other_versions_have_begun_is_begun_anew(half, base, tmp_path, monkeypatch):
    known = describe()
    older = {**known, "packages": {**known["packages"], "torch": "2.0.0"}}
    monkeypatch.setattr(unfinished, "describe", lambda: older)
    facts, notes = attempt(EXACT, base, shutil.copytree(half, tmp_path / "older"))
    assert "resumed_at" not in facts
    here = known["packages"]["torch"]
    assert notes == [
        f"checkpoint-8 of an earlier attempt is not used: torch was {here} and is 2.0.0."
    ]
    monkeypatch.undo()
    attempt(EXACT, base, tmp_path / "whole")
    assert files(tmp_path / "older") == files(tmp_path / "whole")


def test_a_stage_goes_on_with_the_micro_batch_that_it_had(base, tmp_path, monkeypatch):
    """Another one would round otherwise; so would starting with it, which is what is asked for."""
    pieces = replace(SFT, micro_batch=4)
    facts, _ = attempt(pieces, base, tmp_path / "whole")
    folder = tmp_path / "killed"
    die(pieces, base, folder, monkeypatch, moment="step", number=5, saves=lambda: True)
    found, _ = attempt(replace(SFT, micro_batch=None), base, folder)
    assert found == facts | {"resumed_at": [4]}
    assert files(folder) == files(tmp_path / "whole")


def begun(folder, *steps, **execution):
    """Write a checkpoint after each of ``steps``, as a stage that keeps a snapshot of each, too."""
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "snapshots").mkdir(parents=True)
    attempted = Unfinished(folder, "stage", **execution)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unfinished.shutil, "rmtree", lambda path: None)  # it dies before
        patch.setattr(unfinished.os, "fsync", lambda file: None)  # nobody pulls the plug
        for step in steps:
            (folder / "snapshots" / f"{step}.safetensors").write_bytes(b"weights %d" % step)
            attempted.place(step).mkdir(parents=True)
            (attempted.place(step) / "model.safetensors").write_bytes(b"weights")
            (attempted.place(step) / "optimizer.pt").write_bytes(b"moments %d" % step)
            attempted.complete(step, {"tokens": step})
    return folder


@given(data=st.data())
def test_a_damaged_file_is_never_gone_on_from(data, tmp_path_factory):
    """Any byte of any file flipped, or the file cut there: the checkpoint before it is used."""
    folder = begun(tmp_path_factory.getbasetemp() / "damaged", 3, 6)
    newest = sorted((folder / UNFINISHED / "checkpoint-6").iterdir())
    file = data.draw(st.sampled_from([*newest, folder / "snapshots" / "6.safetensors"]))
    whole = file.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytes([whole[at] ^ (1 << data.draw(st.integers(0, 7)))]) + whole[at + 1 :]
    file.write_bytes(whole[:at] + data.draw(st.sampled_from([b"", flipped])))
    (folder / LOG).write_text("more and more of it")
    found = Unfinished(folder, "stage").found
    assert (found.step, found.carried) == (3, {"tokens": 3})
    kept = {"3.safetensors", "model.safetensors", "optimizer.pt", unfinished.MARKER, LOG}
    assert {path.name for path in folder.rglob("*") if path.is_file()} == kept


@pytest.mark.parametrize("name", ["optimizer.pt", unfinished.MARKER])
def test_without_a_sound_checkpoint_nothing_of_the_attempt_is_kept(name, tmp_path):
    folder = begun(tmp_path / "entry", 3)
    (folder / UNFINISHED / "checkpoint-3" / name).unlink()
    assert Unfinished(folder, "stage").found is None
    assert not list(folder.iterdir())


def test_another_way_to_carry_it_out_starts_from_nothing(tmp_path):
    """As a smaller micro-batch does after the device has run out of memory."""
    folder = begun(tmp_path / "entry", 3, micro_batch=8)
    assert Unfinished(folder, "stage", micro_batch=8).found is not None
    assert Unfinished(folder, "stage", micro_batch=4).found is None
    assert not list(folder.iterdir())


def test_a_stage_that_fails_before_its_first_checkpoint_leaves_none(base, tmp_path, monkeypatch):
    die(SFT, base, tmp_path, monkeypatch, moment="step", number=3, saves=lambda: False)
    assert not (tmp_path / UNFINISHED).exists()


def test_a_folder_without_unfinished_work_is_left_as_it_is(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    assert Unfinished(tmp_path, "stage").found is None
    assert (tmp_path / "mine.txt").exists()


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan"])
def test_seconds_between_checkpoints_that_are_none_are_refused(text, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ValueError, match=rf"{VARIABLE}: it is '{text}'.* {VARIABLE}=30"):
        Unfinished(tmp_path, "stage")


@pytest.mark.parametrize(("cost", "wait"), [(0.1, 30.0), (2.0, 200.0)])
def test_saving_takes_a_hundredth_of_the_time_at_most(cost, wait, tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(unfinished.time, "monotonic", lambda: clock[0])
    attempted = Unfinished(tmp_path, "stage")
    assert not attempted.due()
    clock[0] = 30.0
    assert attempted.due()
    clock[0] += cost
    attempted.place(1).mkdir(parents=True)
    attempted.complete(1, {})
    clock[0] += wait - 0.01
    assert not attempted.due()
    clock[0] += 0.02
    assert attempted.due()
