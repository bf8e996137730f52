"""Nodes of fixed points and of demonstrators: what each changes, and where it is not to be had."""

import dataclasses

import pytest

from coupling_bench.fingerprint import address
from coupling_bench.pipelines import NODES, NotHereError, demonstrators, fixed_points, lineage
from coupling_bench.specs import ColaSpec, SFTSpec
from tests import open_task
from tests.tiny import recipe

RECIPE = recipe()
COLA = ColaSpec(files=(), pretraining_share=0.5)


def changed(node, of, seed=0):
    """Names of the fields in which a node differs from one of the spine."""
    stages = NODES[node](RECIPE, seed), NODES[of](RECIPE, seed)
    names = [field.name for field in dataclasses.fields(stages[0])]
    return {name for name in names if getattr(stages[0], name) != getattr(stages[1], name)}


@pytest.mark.parametrize("node", [*fixed_points.NODES, *demonstrators.NODES])
def test_all_start_from_the_base_that_the_spine_starts_from(node):
    assert address(next(lineage(NODES[node](RECIPE, 1)))) == address(RECIPE.base)


def test_scaled_rewards_are_all_that_tells_the_contrast_arm_from_the_other():
    assert changed("sft_then_rl_at_beta_1_scaled", "sft_then_rl_at_beta_1") == {"scale_rewards"}
    stage = NODES["sft_then_rl_at_beta_half"](RECIPE, 0)
    assert (stage.beta, stage.scale_rewards, stage.loss_type) == (0.5, "none", "dr_grpo")
    assert stage.use_bias_correction_kl
    assert stage.num_generations == 2 * RECIPE.rl.num_generations


@pytest.mark.parametrize(
    ("node", "of", "expected"),
    [
        ("sft_gold", "sft", {"task", "snapshot_every", "learning_rate", "num_train_epochs"}),
        ("rl_then_sft_gold", "rl_then_sft", {"task", "snapshot_every"}),
        ("rl_then_sft_own", "rl_then_sft", {"demonstrator", "snapshot_every"}),
        ("rl_then_sft_in_other_words", "rl_then_sft", {"task", "snapshot_every"}),
        ("sft_in_other_words", "sft", {"task", "snapshot_every"}),
        ("sft_gold_then_rl", "sft_then_rl", {"task", "snapshot_every", "start"}),
        ("rl_then_sft_own_then_rl", "sft_then_rl", {"snapshot_every", "start"}),
        ("sft_in_other_words_then_rl", "sft_then_rl", {"task", "snapshot_every", "start"}),
    ],
)
def test_an_arm_changes_who_demonstrates_and_nothing_else(node, of, expected):
    """But for fewer snapshots, and for how long SFT on gold goes on before RL."""
    assert changed(node, of) == expected
    stage = NODES[node](RECIPE, 0)
    if isinstance(stage, SFTSpec) and "task" in expected:
        assert stage.task.label_noise == 0.0


@pytest.mark.parametrize(
    ("node", "task", "sentence"),
    [
        ("sft_gold", COLA, "labels, which are gold already"),
        ("rl_then_sft_gold", COLA, "labels, which are gold already"),
        ("sft_in_other_words", COLA, "a task that draws them itself"),
        ("rl_then_sft_own", open_task.spec(), "needs a closed set of answers"),
        ("sft_then_rl_at_beta_1", open_task.spec(), "needs a closed set of answers"),
    ],
)
def test_a_task_that_does_not_have_an_arm_says_what_it_needs(node, task, sentence):
    with pytest.raises(NotHereError, match=sentence):
        NODES[node](dataclasses.replace(RECIPE, task=task), 0)


def test_on_labels_of_their_own_a_policy_may_still_demonstrate():
    """CoLA's answers are a closed set."""
    assert NODES["rl_then_sft_own"](dataclasses.replace(RECIPE, task=COLA), 0).demonstrator
