"""The suites as a user runs them: ``pytest suites`` in a process of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import commands

ROOT = Path(__file__).parents[1]
SUITES = sorted(path.name for path in (ROOT / "suites").glob("test_*.py"))

SPINE = [f"suites/{name}" for name in SUITES]
"""The suites of both orders; what stands in folders trains many more stages."""
OTHER_TASKS = "test_post_training_leaves_the_score_on_other_tasks_as_it_was.py"


def run(*arguments, store, reports, cwd=ROOT, **environment):
    """Run pytest without a worker, and without importing what it would import."""
    return commands.run("pytest", "-p", "no:cacheprovider", "--executor", "inline", *arguments,
                        "--store", store, "--reports", reports, cwd=cwd, **environment)  # fmt: skip


def run_anew(*arguments, store, reports, **environment):
    """Run pytest in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments,
         "--store", str(store), "--reports", str(reports)],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def cold(store, tmp_path_factory):
    """A first run of every suite at the smoke scale, with two seeds, by one process."""
    reports = tmp_path_factory.mktemp("cold")
    return smoke(store=store, reports=reports), reports


def smoke(*arguments, store, reports, **environment):
    return run(*SPINE, "--scale", "smoke", "--seeds", "2", *arguments,
               store=store, reports=reports, **environment)  # fmt: skip


def test_the_smoke_scale_proves_the_plumbing_of_every_suite(cold):
    done, reports = cold
    assert done.returncode == 0, done.stdout + done.stderr
    assert "21 stages trained, 0 reused" in done.stdout
    record = json.loads((reports / "record.json").read_text())
    judged = {*SUITES} - {OTHER_TASKS}
    assert {Path(c["test"].split("::")[0]).name for c in record["claims"]} == judged
    assert [c["verdict"] for c in record["claims"]] == [None] * len(judged)
    assert "4 skipped" in done.stdout
    assert (reports / "index.html").stat().st_size > 1_000_000


def test_the_record_keeps_its_contract(cold):
    """The keys that other tools rely on, with curves for every pipeline and seed."""
    record = json.loads((cold[1] / "record.json").read_text())
    assert record["schema"] == 1
    for claim in record["claims"]:
        assert set(claim) >= {
            "claim", "test", "model", "task", "scale", "cites", "verdict", "accepted", "effect",
            "interval", "margin", "unit", "seeds", "per_seed", "requires",
        }  # fmt: skip
        assert len(claim["per_seed"]) == len(claim["seeds"]) == 2
    nodes = {(c["pipeline"], c["node"], c["seed"]) for c in record["curves"]}
    orders = {}
    for trainer in ("rl", "rloo", "dpo"):
        orders[f"sft_then_{trainer}"] = ("sft", f"sft_then_{trainer}")
        orders[f"{trainer}_then_sft"] = (trainer, f"{trainer}_then_sft")
    assert nodes == {(p, n, s) for p, order in orders.items() for n in order for s in (0, 1)}
    for curve in record["curves"]:
        assert len(curve["steps"]) == len(curve["loss"]) == len(curve["reward"]) > 2
    second = next(c for c in record["curves"] if c["node"] == "sft_then_rl")
    first = next(c for c in record["curves"] if c["node"] == "sft")
    assert second["steps"][0] == first["steps"][-1]
    assert second["loss"][0] == pytest.approx(first["loss"][-1])
    assert record["constants"]["grammar"]["optimal_loss"] == pytest.approx(0.3250829733914482)
    assert record["constants"]["grammar"]["demonstrator_reward"] == pytest.approx(0.8)
    assert all(stage["reused"] is False for stage in record["stages"])


OURS_ALONE = """
from lm_eval import tasks
whole = tasks.TaskManager
tasks.TaskManager = lambda **given: whole(**given | {"include_defaults": False})
"""


def only_our_tasks(*arguments, store, tmp_path):
    """Run the suite of lm-eval's tasks without the library's own 13,000 files, ten seconds."""
    (tmp_path / "ours_alone.py").write_text(OURS_ALONE)
    return smoke("-k", "other_tasks", "-p", "ours_alone", *arguments,
                 store=store, reports=tmp_path, PYTHONPATH=str(tmp_path))  # fmt: skip


def test_every_stage_is_scored_on_the_tasks_of_lm_eval_that_are_named(cold, store, tmp_path):
    done = only_our_tasks("--lm-eval-tasks", "coupling_grammar_ood", "--seeds", "1",
                          store=store, tmp_path=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stdout
    record = json.loads((tmp_path / "record.json").read_text())
    assert [c["claim"] for c in record["claims"]] == [
        f"{stage} leaves the score on coupling_grammar_ood as it was"
        for stage in ("sft", "sft_then_rl", "rl", "rl_then_sft")
    ]


def test_a_task_of_lm_eval_that_there_is_not_is_named_before_anything_is_trained(tmp_path):
    wrong = only_our_tasks("--lm-eval-tasks", "coupling_gramar",
                           store=tmp_path / "store", tmp_path=tmp_path)  # fmt: skip
    assert wrong.returncode == 4
    assert "no task is called 'coupling_gramar'" in wrong.stderr
    assert not list((tmp_path / "store").glob("*Spec-*"))


PROBE = """
import sys
def pytest_unconfigure():
    print('IMPORTED', [m for m in ('torch', 'trl', 'transformers') if m in sys.modules])
"""


def without_torch(*arguments, tmp_path, **places):
    """Run pytest in an interpreter of its own, which must not import torch; return what it did."""
    (tmp_path / "probe.py").write_text(PROBE)
    done = run_anew(*arguments, "-p", "probe", PYTHONPATH=str(tmp_path), **places)
    assert done.returncode == 0, done.stdout
    assert "IMPORTED []" in done.stdout
    return done


def test_a_second_run_trains_nothing_imports_no_torch_and_gives_the_same_numbers(
    cold, store, tmp_path
):
    done = without_torch(*SPINE, "--scale", "smoke", "--seeds", "2",
                         tmp_path=tmp_path, store=store, reports=tmp_path)  # fmt: skip
    assert "0 stages trained, 21 reused" in done.stdout
    first, second = (
        json.loads((folder / "record.json").read_text()) for folder in (cold[1], tmp_path)
    )
    assert [c["per_seed"] for c in first["claims"]] == [c["per_seed"] for c in second["claims"]]
    assert first["curves"] == second["curves"]
    assert all(stage["reused"] for stage in second["stages"])


def test_collection_imports_no_torch_makes_no_store_and_trains_nothing(tmp_path):
    without_torch("suites", "--collect-only",
                  tmp_path=tmp_path, store=tmp_path / "store", reports=tmp_path)  # fmt: skip
    assert not (tmp_path / "store").exists()


def test_one_suite_alone_asks_for_what_it_needs_alone(cold, store, tmp_path):
    done = smoke("-k", "test_sft_after_rl_lowers_the_expected_reward", store=store,
                 reports=tmp_path)  # fmt: skip
    record = json.loads((tmp_path / "record.json").read_text())
    assert "5 stages, 5 in the store" in done.stdout
    assert {stage["node"] for stage in record["stages"]} == {"base", "rl", "rl_then_sft"}


def test_bounds_are_checked_at_every_run_that_the_session_has(cold, store, tmp_path):
    """Both orders, and what another suite asks for: RLOO here, and no DPO."""
    done = run("suites/bounds", "suites/test_rloo_after_sft_raises_the_sft_loss.py", "--scale",
               "smoke", "--seeds", "2", store=store, reports=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    tables = json.loads((tmp_path / "record.json").read_text())["tables"]
    within = {"base", "sft", "sft_then_rl", "rl", "rl_then_sft", "sft_then_rloo"}
    assert {row["node"] for row in tables["bounds"]} == {*within, "finals"}
    assert {row["node"] for row in tables["policies"]} == within - {"base"}
    assert all(row["least_slack"] > -1e-5 for row in tables["bounds"])


def test_the_fixtures_read_as_a_glossary():
    done = run("suites", "--fixtures", store="unused", reports="unused")
    for name in ("base", "sft", "sft_then_rl", "rl", "rl_then_sft", "demonstrations", "decide"):
        assert re.search(rf"^{name}\b.*\n    [A-Z].+\.$", done.stdout, re.MULTILINE), name


BAD = [
    (["--model", "embeded"], "--model: 'embeded' is unknown: no entry of models.toml (embedded, "),
    (["--model", "nobody/nothing"], "model nothing: there is no folder nobody/nothing, and it"),
    (["--models", "/nowhere.toml"], "--models: there is no file /nowhere.toml"),
    (["--lora-rank", "4"], "--lora-rank needs --peft lora"),
    (["--ray-address", "here:1"], "--ray-address needs --executor ray"),
    (["--accelerate-config", "none.yaml"], "Write one: accelerate config --config_file"),
    (["--peft", "lora", "--lora-rank", "no"], "--lora-rank: found 'no', needed a whole number"),
    (["--set", "grpo.bata=1"], "--set grpo.bata: GRPOSpec has no field 'bata'"),
    (["--set", "sft.learning_rate=fast"], "--set sft.learning_rate: found the text 'fast', needed"),
    (["--recipe", "/nowhere.toml"], "--recipe: there is no file /nowhere.toml"),
    (["--task", "/nowhere/task.toml"], "/nowhere/task.toml"),
    (["--device", "tpu"], "--device: 'tpu' is unknown; valid names: auto, cpu, cuda."),
    (
        ["--task", "gramar"],
        "--task: 'gramar' is unknown; valid names: grammar, arithmetic, cola. Did you mean",
    ),
    (["--scale", "large"], "--scale: 'large' is unknown; valid names: small, smoke, paper."),
    (["--track", "tensorbord"], "--track: 'tensorbord' is unknown; valid names: tensorboard, "),
    (["--executor", "proces"], "--executor: 'proces' is unknown; valid names: process, inline, "),
    (
        ["--pipeline", "sft:20,gpro:5"],
        "'gpro' is no kind of stage (did you mean grpo?). A schedule ",
    ),
    (["--pipeline", "sft:20[beta=1]"], "ScheduledSFTSpec has no field 'beta'; valid names: "),
    (["--seeds", "0"], "--seeds: found '0', needed a whole number from 1 to 9999"),
    (["--seeds", "three"], "--seeds: found 'three', needed"),
    (["--first-seed", "-1"], "--first-seed: found '-1', needed a whole number from 0 to 9999"),
    (["--workers", "-1"], "--workers: found '-1', needed"),
    (["--data-dir", "."], "--data-dir: grammar is generated, it reads no file"),
    (["--task", "cola", "--data-dir", "/nowhere"], "/nowhere/in_domain_train.tsv is missing"),
    (["--record", "--scale", "smoke"], "--record: the scale smoke gives no verdicts"),
    (["-m", "gpu"], "qwen3-0.6b needs a CUDA device, and none was found"),
]


@pytest.mark.parametrize(("arguments", "found"), BAD, ids=[" ".join(a) for a, _ in BAD])
def test_bad_options_get_a_sentence_a_status_and_no_traceback(arguments, found, tmp_path):
    if "gpu" in arguments and pytest.importorskip("torch").cuda.is_available():
        pytest.skip("a CUDA device is here")
    done = commands.run("pytest", "suites", *arguments, "--store", tmp_path / "store", "--reports",
                        tmp_path)  # fmt: skip
    text = done.stdout + done.stderr
    assert done.returncode == 4
    assert found in text
    assert "Traceback" not in text
    assert len([line for line in text.splitlines() if line.strip()]) <= 3
    assert not (tmp_path / "store").exists()


def test_verdicts_of_uncommitted_code_are_not_accepted(tmp_path):
    """A checkout with a change refuses --record before anything is trained."""
    clone = tmp_path / "clone"
    for part in ("suites", "fixtures"):
        (clone / part).mkdir(parents=True)
    for name in ("conftest.py", "pyproject.toml", "fixtures/__init__.py", "fixtures/data.py",
                 "fixtures/stages.py", "fixtures/every_run.py", "suites/models.toml",
                 f"suites/{SUITES[0]}"):  # fmt: skip
        (clone / name).write_text((ROOT / name).read_text())
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    no_git = run("suites", "--record", "--rootdir", str(clone), store=tmp_path, reports=tmp_path)
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(clone), *command], check=True)
    (clone / "suites" / "new.py").write_text("")
    done = run("suites", "--record", store=tmp_path / "s", reports=tmp_path, cwd=clone)
    assert done.returncode == no_git.returncode == 4
    assert "uncommitted changes" in done.stdout + done.stderr
    assert "is no git checkout" in no_git.stdout + no_git.stderr
    assert not (tmp_path / "s").exists()


def test_a_failing_stage_is_one_sentence_and_spoils_no_other(cold, store, tmp_path):
    """RL from the base is made impossible; the suites that need it fail, the others go on."""
    breaker = tmp_path / "breaker.py"
    breaker.write_text(
        "from dataclasses import replace\n"
        "from coupling_bench import pipelines\n"
        "whole = pipelines.spine.rl\n"
        "def rl(recipe, seed):\n"
        "    return replace(whole(recipe, seed), max_completion_length=156)\n"
        "pipelines.NODES['rl'] = rl\n"
    )
    done = smoke("-p", "breaker", store=store, reports=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert (
        "1 failed, 6 passed, 4 skipped, 1 error" in done.stdout
    )  # a fixture's, and a requirement's
    assert re.search(r"rl could not be trained: GRPOSpec-\w+: row 0 has \d+ tokens", done.stdout)
    assert "Traceback" not in done.stdout + done.stderr
