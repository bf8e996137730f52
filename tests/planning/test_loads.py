"""Loads: what nodes are said to compute is what they are trained and observed on."""

import statistics
from dataclasses import replace

import pytest

from coupling_bench import prompting, tasks
from coupling_bench.pipelines import NODES, observation
from coupling_bench.planning import load_of
from coupling_bench.planning.loads import Load
from coupling_bench.specs import model_of
from coupling_bench.stages import importing, tokens
from tests import architectures, tiny

EMBEDDED = tiny.recipe()


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    return tiny.imported(architectures.save("llama", tmp_path_factory.mktemp("model"), chat=True))


def test_tokens_are_those_that_are_trained_on(imported):
    """Of a model from elsewhere with its template: prompt and longest answer as SFT's rows."""
    spec = imported.sft
    tokenizer = importing.load_tokenizer(model_of(spec))
    prompting.prepare(model_of(spec), tokenizer)
    rows = tokens.of_answers(tokenizer, model_of(spec), spec.task, "sft", True)
    longest = [max(len(row["input_ids"]) for row in of_item) for of_item in rows]
    found = load_of(spec)
    assert found.longest == max(longest)
    mean = statistics.fmean(longest)
    assert found.prompt_tokens + found.answer_tokens == pytest.approx(mean)


def test_rows_are_those_of_all_steps(imported):
    """By hand, for tiny recipes: 64 prompts, 40 held out and 20 of another domain."""
    assert load_of(EMBEDDED.base).rows == 40 * 16
    assert load_of(EMBEDDED.sft).rows == 2 * 64
    assert load_of(EMBEDDED.rl).rows == load_of(EMBEDDED.rloo).rows == 2 * 4 * 4
    assert load_of(imported.dpo).rows == 2 * 64 * imported.dpo.num_train_epochs
    assert load_of(imported.rl).answer_tokens == imported.rl.max_completion_length
    assert load_of(imported.base) == Load()


@pytest.mark.parametrize(
    ("name", "snapshots"),
    [("base", 2), ("sft", 3), ("rl", 3)],  # of 40 steps each 10,000, of 8 each 4, of 2 each 1
)
def test_an_observation_computes_each_prompt_for_each_snapshot(name, snapshots):
    stage = NODES[name](EMBEDDED, 0)
    assert load_of(observation(stage, 0, "held_out")).rows == 40 * snapshots
    assert load_of(observation(stage, 0, "out_of_domain")).rows == 20


def test_words_stand_for_tokens_before_there_is_a_tokenizer():
    task = tasks.load(EMBEDDED.task)
    words = [len(task.prompt(item).split()) for item in task.splits["sft"]]
    found = load_of(EMBEDDED.sft)
    assert found.prompt_tokens == pytest.approx(statistics.fmean(words) + 1)
    assert found.longest == max(words) + 1 + 2


def test_an_imported_base_is_observed_once(imported):
    assert load_of(observation(imported.base, 0, "held_out")).rows == 40
    assert load_of(replace(imported.sft, num_train_epochs=1)).rows == 64
