"""Each control is the spine with one thing changed."""

from dataclasses import fields, replace

import pytest

from coupling_bench.fingerprint import address
from coupling_bench.pipelines import NODES, NotHereError, controls, lineage, spine
from coupling_bench.specs import JsonlSpec, parent
from tests import open_task
from tests.tiny import recipe

RECIPE = recipe()
WATCHING = {"snapshot_every"}


def changed(control, original) -> set[str]:
    """The fields that tell two stages of one kind apart, beyond how often they are stored."""
    assert type(control) is type(original)
    names = {field.name for field in fields(control)}
    return {n for n in names if getattr(control, n) != getattr(original, n)} - WATCHING


@pytest.mark.parametrize(
    ("control", "original", "fields"),
    [
        ("sft_then_rl_at_zero_rate", "sft_then_rl", {"learning_rate", "max_steps"}),
        ("sft_then_rl_with_shuffled_rewards", "sft_then_rl", {"planted"}),
        ("sft_then_rl_on_shifted_prompts", "sft_then_rl", {"task"}),
        ("sft_then_sft", "sft", {"start", "seed", "num_train_epochs"}),
        ("sft_with_masked_answers", "sft", {"planted", "num_train_epochs"}),
        ("rl_then_sft_with_wrong_labels", "rl_then_sft", {"planted", "num_train_epochs"}),
        ("prior_base", "base", {"task"}),
        ("prior_sft", "sft", {"task", "start"}),
        ("prior_rl", "rl", {"task", "start"}),
        ("prior_sft_then_rl", "sft_then_rl", {"task", "start"}),
        ("prior_rl_then_sft", "rl_then_sft", {"task", "start"}),
    ],
)
def test_a_control_differs_from_the_spine_in_what_it_says(control, original, fields):
    for seed in (0, 2):
        found = changed(NODES[control](RECIPE, seed), NODES[original](RECIPE, seed))
        assert found == fields


def test_stages_of_the_spine_are_shared_and_not_trained_again():
    """What a control starts from has the spine's own address, or the prior's."""
    for name, start in (
        ("sft_then_sft", "sft"), ("sft_then_rl_with_shuffled_rewards", "sft"),
        ("sft_then_step_of_equal_kl", "sft_then_rl"), ("rl_then_sft_with_wrong_labels", "rl"),
        ("prior_rl_then_sft", "prior_rl"), ("prior_sft_then_rl", "prior_sft"),
    ):  # fmt: skip
        begins = parent(NODES[name](RECIPE, 1))
        assert begins is not None
        assert address(begins) == address(NODES[start](RECIPE, 1))


def test_nothing_of_the_prior_pipelines_has_seen_a_sentence_with_its_own_answer():
    for name in controls.NODES:
        kinds = {stage.task.sentences for stage in lineage(NODES[name](RECIPE, 0))}
        assert kinds == ({"shuffled"} if name.startswith("prior") else {"own"})


def test_the_shifted_prompts_are_measured_on_the_spines_items():
    """The task differs in RL's prompts alone."""
    task = NODES["sft_then_rl_on_shifted_prompts"](RECIPE, 0).task
    assert replace(task, rl_prompts="shared") == RECIPE.task


@pytest.mark.parametrize(
    ("node", "needs"),
    [
        ("sft_then_step_of_equal_kl", "needs a closed set of answers"),
        ("sft_then_rl_on_shifted_prompts", "--task grammar"),
        ("rl_then_sft_with_wrong_labels", "need a closed set of answers"),
    ],
)
def test_what_open_answers_do_not_have_is_said(node, needs):
    task: JsonlSpec = open_task.spec()
    recipe = replace(
        RECIPE, task=task, base=replace(RECIPE.base, task=task), sft=replace(RECIPE.sft, task=task)
    )
    with pytest.raises(NotHereError, match=needs):
        NODES[node](recipe, 0)
    assert NODES["sft_then_sft"](recipe, 0).task == task


def test_every_node_of_the_family_has_a_sentence():
    for name, node in {**spine.NODES, **controls.NODES}.items():
        assert node.__doc__ and node.__doc__.startswith("Return "), name
