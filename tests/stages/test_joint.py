"""Joint training: GRPO's loss and SFT's in one step, each as its own trainer computes it."""

from dataclasses import replace

import pytest
import torch
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from coupling_bench import models, stages
from coupling_bench.pipelines import strings
from coupling_bench.specs import GRPOSpec
from coupling_bench.stages import demonstration_order, joint
from coupling_bench.stages.training import quiet_libraries
from coupling_bench.store import Store
from tests.interrupting import attempt, files
from tests.tiny import recipe

RECIPE = recipe()
JOINT = replace(
    strings.build("joint:2[sft_batch_size=6,snapshot_every=1]", RECIPE, 0), sft_seed=3, sft_begin=5
)
FP32 = 1e-5
"""Largest relative difference of gradients (norms) that are sums in another order."""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The folder of the tiny base."""
    return stages.make(RECIPE.base, Store(tmp_path_factory.mktemp("store")))[0].folder


@pytest.fixture(autouse=True)
def _quiet():
    """As in a run: pytest forgets from test to test what was filtered."""
    quiet_libraries()


def gradient(trainer) -> torch.Tensor:
    """Return the gradient of the first optimizer step, its micro-batches one after the other."""
    torch.manual_seed(0)
    pieces = trainer.args.gradient_accumulation_steps
    trainer.current_gradient_accumulation_steps = pieces
    trainer.model.train()
    trainer.create_optimizer()
    batch = next(iter(trainer.get_train_dataloader()))
    for _ in range(pieces):
        trainer.training_step(trainer.model, batch, None)
    return torch.cat([p.grad.flatten() for p in trainer.model.parameters()])


def without_reward(trainer):
    """Let every completion earn the same, so that RL has no advantage and no gradient."""
    trainer.reward_funcs = [lambda completions, **_: [1.0] * len(completions)]
    return trainer


def test_with_weight_0_it_is_grpo_step_by_step(base, tmp_path):
    """Weights, snapshots and log have the same bytes."""
    same = {name: getattr(JOINT, name) for name in GRPOSpec.__dataclass_fields__}
    for spec in (replace(JOINT, sft_weight=0.0), GRPOSpec(**same)):
        attempt(spec, base, tmp_path / type(spec).__name__)
    assert files(tmp_path / "JointSpec") == files(tmp_path / "GRPOSpec")


@pytest.mark.parametrize("pieces", [1, 4, 16])
def test_without_advantage_its_gradient_is_that_of_trls_sft_times_the_weight(
    base, tmp_path, pieces
):
    """In one piece, in four, and in more micro-batches than there are demonstrations."""
    spec = replace(JOINT, sft_weight=0.7, micro_batch=JOINT.rows_per_step // pieces)
    ours = without_reward(joint.build(spec, base, tmp_path / "ours", []))
    taken = demonstration_order.places(len(ours.demonstrations), seed=3, begin=5, count=6)
    plain = SFTTrainer(
        model=models.load(base)[0],
        args=SFTConfig(
            output_dir=str(tmp_path / "plain"), per_device_train_batch_size=6, use_cpu=True,
            bf16=False, report_to="none", disable_tqdm=True, activation_checkpointing=False,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=Dataset.from_list([ours.demonstrations[place] for place in taken]),
        processing_class=ours.processing_class,
    )  # fmt: skip
    expected = 0.7 * gradient(plain)
    assert expected.norm() > 1e-2
    assert (gradient(ours) - expected).norm() < FP32 * expected.norm()


@pytest.mark.parametrize("pieces", [2, 8])
def test_the_gradient_of_micro_batches_is_that_of_the_whole_batch(base, tmp_path, pieces):
    """Both losses, on completions of several lengths (the defect of arXiv:2604.23747)."""
    whole, parts = (
        gradient(joint.build(replace(JOINT, micro_batch=rows), base, tmp_path / str(rows), []))
        for rows in (None, JOINT.rows_per_step // pieces)
    )
    assert whole.norm() > 1e-2
    assert (parts - whole).norm() < FP32 * whole.norm()


def test_the_weight_falls_in_a_line_from_the_first_step_to_the_last():
    annealed = replace(JOINT, max_steps=5, sft_weight=2.0, sft_weight_end=0.0)
    assert [annealed.weight(step) for step in range(5)] == [2.0, 1.5, 1.0, 0.5, 0.0]
    assert replace(annealed, sft_weight_end=None).weight(4) == 2.0
    assert replace(annealed, max_steps=1).weight(0) == 2.0


def test_another_temperature_than_that_of_the_sft_loss_is_refused(base, tmp_path):
    with pytest.raises(ValueError, match=r"temperature is 0\.5.*Train jointly at temperature 1"):
        joint.build(replace(JOINT, temperature=0.5), base, tmp_path, [])


def test_both_losses_are_learnt_from(base, tmp_path):
    """The SFT loss that is logged falls, in a stage like those of the suites."""
    spec = replace(JOINT, max_steps=12, learning_rate=3e-3, snapshot_every=100)
    trainer = joint.build(spec, base, tmp_path, [])
    trainer.train()
    losses = [entry["sft_loss"] for entry in trainer.state.log_history if "sft_loss" in entry]
    assert len(losses) == 12
    assert sum(losses[-3:]) < sum(losses[:3])
