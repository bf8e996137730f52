"""The YAML tasks load on their own, and hold the items that coupling_bench measures on."""

from pathlib import Path

import pytest

from coupling_bench import harness, scales, tasks
from coupling_bench.tasks import cola
from tests.harness.plain import our_task

REAL = Path(__file__).parents[3] / "shared" / "data" / "cola"
real_data = pytest.mark.skipif(not REAL.is_dir(), reason=f"the CoLA files are not at {REAL}")
NAMES = {
    "coupling_cola", "coupling_cola_ood", "coupling_cola_generate", "coupling_grammar",
    "coupling_grammar_ood",
}  # fmt: skip


def items(task):
    return [(doc["sentence"], doc["truth"], doc["group"]) for doc in task.eval_docs]


def expected(split):
    return [(item.text, item.truth, item.group) for item in split]


def test_every_yaml_file_is_a_task_of_the_group(cola_folder):
    from lm_eval.tasks import TaskManager

    metadata = {"pretrained": "nowhere", "data_dir": str(cola_folder)}
    manager = TaskManager(include_path=harness.TASKS, include_defaults=False, metadata=metadata)
    assert set(manager.all_subtasks) == NAMES == {p.stem for p in harness.TASKS.glob("*_*.yaml")}
    loaded = manager.load("coupling")
    assert set(loaded["group_map"]["coupling"]) == set(loaded["tasks"]) == NAMES
    for name, task in loaded["tasks"].items():
        assert task.VERSION == 1.0
        assert len({doc["id"] for doc in task.eval_docs}) == len(task.eval_docs), name


def test_the_grammar_tasks_hold_the_evaluation_splits_of_the_small_scale(cola_folder):
    whole = tasks.load(scales.task("grammar", "small"))
    splits = {"coupling_grammar": "held_out", "coupling_grammar_ood": "out_of_domain"}
    for name, split in splits.items():
        task = our_task(name, cola_folder)
        assert items(task) == expected(whole.splits[split])
        assert task.eval_docs[0]["prompt"] == whole.prompt(whole.splits[split][0])


def test_the_cola_tasks_hold_the_dev_files_in_their_order(cola_folder, monkeypatch):
    for name, split in {"coupling_cola": "held_out", "coupling_cola_ood": "out_of_domain"}.items():
        in_file = expected(cola.read_file(cola_folder / cola.FILES[split]))
        assert items(our_task(name, cola_folder)) == in_file
        monkeypatch.setenv("COUPLING_BENCH_COLA", str(cola_folder))
        assert items(our_task(name)) == in_file


@real_data
def test_the_real_dev_sets_have_their_published_sizes():
    assert len(our_task("coupling_cola", REAL).eval_docs) == 527
    assert len(our_task("coupling_cola_ood", REAL).eval_docs) == 516


def test_the_environment_names_the_prompt(cola_folder, monkeypatch):
    monkeypatch.setenv("COUPLING_BENCH_PROMPT", r"Is it right?\n{sentence}\nAnswer:")
    doc = our_task("coupling_cola", cola_folder).eval_docs[0]
    assert doc["prompt"] == f"Is it right?\n{doc['sentence']}\nAnswer:"
    monkeypatch.setenv("COUPLING_BENCH_PROMPT", "Is it right?")
    with pytest.raises(ValueError, match=r"COUPLING_BENCH_PROMPT: .*Write \{sentence\} where"):
        our_task("coupling_cola", cola_folder)


def test_a_missing_file_is_said_with_both_ways_to_name_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"in_domain_dev.*--data-dir.*COUPLING_BENCH_COLA"):
        our_task("coupling_cola", tmp_path)
