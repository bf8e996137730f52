"""Every field of a spec that a result depends on reaches the trainer's configuration."""

import dataclasses

import pytest

from coupling_bench.pipelines import NODES
from coupling_bench.specs import EXECUTION, OURS, model_of, parent
from coupling_bench.stages import dpo, grpo, pretrain, rloo, sft
from tests.tiny import recipe

RECIPE = recipe()
STAGES = [
    (pretrain, RECIPE.base), (sft, RECIPE.sft), (grpo, RECIPE.rl), (rloo, RECIPE.rloo),
    (dpo, RECIPE.dpo), (sft, NODES["pear_sft"](RECIPE, 0)),
]  # fmt: skip
OTHER = {
    "lr_scheduler_type": "linear", "optim": "adamw_torch_fused", "loss_type": "dft",
    "scale_rewards": "none", "importance_sampling_level": "sequence", "seed": 7,
    "num_generations": 2, "neftune_noise_alpha": 5.0, "min_p": 0.1, "epsilon_high": 0.3,
    "delta": 2.0, "off_policy_mask_threshold": 0.5, "reward_clip_range": (-0.5, 0.5),
    "ld_alpha": 0.5, "f_divergence_type": "js_divergence",
}  # fmt: skip
"""Values that differ from the recipe's; fields not named here are numbers or flags."""


def different(field, value):
    if field == "loss_type" and value == "dapo":
        return "grpo"
    if field in OTHER:
        return OTHER[field]
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else value / 2 + 0.25


@pytest.mark.parametrize(("stage", "spec"), STAGES, ids=lambda s: getattr(s, "__name__", ""))
def test_every_trainer_field_of_a_spec_arrives(stage, spec, tmp_path):
    """Each field in turn is changed, and the configuration has the changed value."""
    unsafe_on_cpu = {"bf16"}
    for name, value in spec.trainer_options().items():
        if name in unsafe_on_cpu:
            assert getattr(stage.configure(spec, tmp_path), name) is False
            continue
        new = different(name, value)
        changed = dataclasses.replace(spec, **{name: new})
        arrived = getattr(stage.configure(changed, tmp_path), name)
        assert getattr(arrived, "value", arrived) in (new, [new]), name  # DPO: a list of losses


@pytest.mark.parametrize(("stage", "spec"), STAGES, ids=lambda s: getattr(s, "__name__", ""))
def test_no_default_of_the_trainer_decides_on_what_it_can(stage, spec, tmp_path):
    """What the trainer would turn on by itself on a CPU is off, and rows a step are ours."""
    config = stage.configure(spec, tmp_path)
    assert (config.bf16, config.fp16, config.gradient_checkpointing) == (False, False, False)
    assert config.logging_nan_inf_filter is False
    assert config.per_device_train_batch_size * config.gradient_accumulation_steps == (
        spec.rows_per_step
    )


def test_every_field_is_the_trainers_ours_or_execution():
    """A new field must say where it goes."""
    for _, spec in STAGES:
        for field in dataclasses.fields(spec):
            assert dict(field.metadata) in ({}, OURS, EXECUTION), field.name


def test_a_pipeline_is_a_nested_spec():
    """SFT-then-RL descends from the SFT of the same seed, and from the one base."""
    last = NODES["sft_then_rl"](RECIPE, 2)
    assert parent(last) == NODES["sft"](RECIPE, 2)
    assert parent(parent(last)) == NODES["base"](RECIPE, 0) == NODES["base"](RECIPE, 1)
    assert parent(NODES["base"](RECIPE, 0)) is None
    assert model_of(last).name == "embedded"


def test_a_micro_batch_that_does_not_divide_the_rows_is_refused(tmp_path):
    with pytest.raises(ValueError, match="micro_batch=5 does not divide the 16 rows"):
        sft.configure(dataclasses.replace(RECIPE.sft, micro_batch=5), tmp_path)
