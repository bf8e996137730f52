"""Each planted defect does to the trainer what it says, and what is none is refused."""

import dataclasses

import pytest

from coupling_bench import models, stages, tasks
from coupling_bench.pipelines import NODES
from coupling_bench.specs import LoraSpec
from coupling_bench.stages import defects, grpo, online, sft
from coupling_bench.store import Store
from coupling_bench.tasks.shuffling import cycle
from tests import open_task
from tests.tiny import recipe

RECIPE = recipe()


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The folder of a base that has learnt a few words, and no more."""
    quick = dataclasses.replace(RECIPE.base, max_steps=2)
    return stages.make(quick, Store(tmp_path_factory.mktemp("store")))[0].folder


def demonstrations(base, folder, **changes):
    """The rows that SFT trains on: token ids and labels."""
    spec = dataclasses.replace(NODES["sft"](RECIPE, 1), **changes)
    return list(sft.build(spec, base, folder, []).train_dataset)


def test_a_masked_answer_leaves_the_loss_its_end_of_sequence_alone(base, tmp_path):
    _, tokenizer = models.load(base)
    whole = demonstrations(base, tmp_path)
    masked = demonstrations(base, tmp_path, planted="mask")
    assert [row["input_ids"] for row in masked] == [row["input_ids"] for row in whole]
    for row in masked:
        assert [label for label in row["labels"] if label != -100] == [tokenizer.eos_token_id]
        assert row["labels"][-1] == tokenizer.eos_token_id


def test_wrong_labels_are_the_other_answer_for_every_prompt(base, tmp_path):
    _, tokenizer = models.load(base)
    said = [
        tokenizer.decode(row["input_ids"], skip_special_tokens=True).split("\n")
        for changes in ({}, {"planted": "labels"})
        for row in demonstrations(base, tmp_path, **changes)
    ]
    right, wrong = said[: len(said) // 2], said[len(said) // 2 :]
    assert [prompt for prompt, _ in right] == [prompt for prompt, _ in wrong]
    assert {a for _, a in right} == {"acceptable", "unacceptable"}
    assert all(a != b for (_, a), (_, b) in zip(right, wrong, strict=True))


def test_the_reward_of_another_prompt_is_that_of_a_fixed_one_of_the_split():
    """Every prompt's truth is rewarded once, at another prompt, and the same one at every step."""
    task = tasks.load(RECIPE.task)
    items = task.splits["rl"]
    spec = dataclasses.replace(NODES["rl"](RECIPE, 0), planted="reward_of_another_prompt")
    reward = online.verifier(spec, task, items)
    others = cycle(len(items), RECIPE.task.seed)
    places = list(range(len(items)))
    truths = [RECIPE.task.answers[items[other].truth] for other in others]
    for _ in range(2):
        assert reward(truths, places, None) == [1.0] * len(items)
    healthy = online.verifier(dataclasses.replace(spec, planted=None), task, items)
    own = [RECIPE.task.answers[item.truth] for item in items]
    assert healthy(own, places, None) == [1.0] * len(items)
    assert 0 < reward(own, places, None).count(-1.0) < len(items)


@pytest.mark.parametrize(
    ("node", "planted", "message"),
    [
        ("sft", "msk", r"planted='msk' is no defect .* names: mask, labels\. Did you mean mask"),
        ("sft", "reward_of_another_prompt", r"no defect of this kind .* mask, labels"),
        ("rl", "labels", r"valid names: reward_of_another_prompt"),
        ("rloo", "mask", r"valid names: reward_of_another_prompt"),
        ("dpo", "mask", r"valid names: none"),
        ("base", "mask", r"valid names: none"),
    ],
)
def test_a_defect_that_would_change_nothing_is_refused_with_a_sentence(node, planted, message):
    """A control with a misspelt defect would look like a suite that notices nothing."""
    spec = dataclasses.replace(NODES[node](RECIPE, 0), planted=planted)
    with pytest.raises(ValueError, match=rf"{type(spec).__name__}-\w+: .*{message}"):
        defects.check(spec)


def test_every_trainer_asks_before_it_is_configured(tmp_path):
    spec = dataclasses.replace(NODES["rl"](RECIPE, 0), planted="mask")
    with pytest.raises(ValueError, match="planted='mask' is no defect"):
        grpo.configure(spec, tmp_path)


def test_open_answers_have_no_other_label():
    spec = dataclasses.replace(NODES["sft"](RECIPE, 0), task=open_task.spec(), planted="labels")
    with pytest.raises(ValueError, match=r"sums has none\. Plant 'mask' instead"):
        defects.demonstrated(spec, [0, 0])


def test_sft_that_goes_on_sees_the_same_demonstrations_in_another_order(base, tmp_path):
    """Another seed alone would draw other annotators, and another task has its own."""
    first = NODES["sft"](RECIPE, 1)
    again = NODES["sft_then_sft"](RECIPE, 1)
    assert again.seed != first.seed
    built = [sft.build(spec, base, tmp_path, []) for spec in (first, again)]
    rows = [list(trainer.train_dataset) for trainer in built]
    assert rows[0] == rows[1]
    orders = [list(trainer._get_train_sampler()) for trainer in built]
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]
    elsewhere = dataclasses.replace(RECIPE.task, seed=9)
    assert sft.annotators_seed(again) == first.seed
    assert sft.annotators_seed(dataclasses.replace(again, task=elsewhere)) == again.seed
    assert sft.annotators_seed(dataclasses.replace(again, lora=LoraSpec())) == first.seed
