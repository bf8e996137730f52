"""PEAR's trainer is TRL's with a weight for each token: plain SFT where these are 1."""

import random
from dataclasses import fields, replace

import pytest
import torch
from datasets import Dataset
from trl import SFTTrainer

from coupling_bench import models, stages
from coupling_bench.pipelines import NODES
from coupling_bench.pipelines.pear import SFT as SFT_VARIANTS
from coupling_bench.pipelines.pear import VARIANTS
from coupling_bench.specs import ColaSpec, PEARSpec, ScheduledSFTSpec, SFTSpec
from coupling_bench.stages import packing, pear, sft, training
from coupling_bench.stages.importance import log_weights
from coupling_bench.stages.packing import PackingCollator
from coupling_bench.store import Store
from tests.tiny import recipe

RECIPE = recipe()
SFT = NODES["sft"](RECIPE, 0)
SPEC = PEARSpec(**{field.name: getattr(SFT, field.name) for field in fields(SFTSpec)})
ONES = {"gamma": 1.0, "delta_clip": (0.0, 0.0)}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    """A store with the tiny base in it."""
    training.quiet_libraries()
    store = Store(tmp_path_factory.mktemp("store"))
    stages.make(RECIPE.base, store)
    return store


@pytest.fixture
def base(store):
    return store.get(RECIPE.base).folder


class Gradients(training.TrainerCallback):
    """Keeps the gradient of each step."""

    def __init__(self):
        self.steps = []

    def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
        self.steps.append(torch.cat([p.grad.flatten() for p in model.parameters()]))


def test_weights_of_one_are_trls_sft_step_by_step(base, tmp_path):
    """Loss, gradient and metrics of every step within 1e-5 of TRL's own trainer's."""
    ours, plain = Gradients(), Gradients()
    weighted = pear.build(replace(SPEC, **ONES), base, tmp_path, [ours])
    rows = [{name: row[name] for name in ("input_ids", "labels")} for row in weighted.train_dataset]
    trl = SFTTrainer(
        model=models.load(base)[0], args=sft.configure(SFT, tmp_path),
        train_dataset=Dataset.from_list(rows), processing_class=weighted.processing_class,
        callbacks=[plain],
    )  # fmt: skip
    for trainer in (weighted, trl):
        trainer.train()
    assert len(ours.steps) == len(plain.steps) == 8
    for one, other in zip(ours.steps, plain.steps, strict=True):
        assert (one - other).norm() < 1e-5 * other.norm()
    for one, other in zip(*(t.state.log_history[:-1] for t in (weighted, trl)), strict=True):
        assert {name: one[name] for name in other} == pytest.approx(other, rel=1e-5, abs=1e-6)
        assert (one["weight_mean"], one["log_weight_spread"]) == (1.0, 0.0)


def ragged(count):
    """Rows of a prompt of 1 to 9 tokens and a response of 1 to 12, demonstrated somehow."""
    draw, rows = random.Random(0), []
    for _ in range(count):
        prompt, response = (
            [draw.randrange(2, 60) for _ in range(draw.randint(1, most))] for most in (9, 12)
        )
        rows.append({
            "input_ids": prompt + response,
            "labels": [-100] * len(prompt) + response,
            "demonstrator_logps": [-draw.expovariate(0.2) for _ in response],
        })  # fmt: skip
    return rows


@pytest.mark.parametrize("level", ["token", "block", "sequence"])
@pytest.mark.parametrize("packed", [True, False])
def test_the_gradient_is_that_of_each_row_alone_weighted(
    base, tmp_path, monkeypatch, packed, level
):
    """However rows are laid out; TRL pads where packing would change numbers."""
    if not packed:
        monkeypatch.setattr(packing, "obstacle", lambda trainer: "a test")
    s, rows = replace(SPEC, level=level, delta_clip=(-1.0, 1.0), block_size=3), ragged(7)
    model, tokenizer = models.load(base)
    trainer = pear.PEARTrainer(
        spec=s, model=model, args=sft.configure(s, tmp_path), processing_class=tokenizer,
        train_dataset=Dataset.from_list(rows),
    )  # fmt: skip
    assert isinstance(trainer.data_collator.lay, PackingCollator) is packed
    count = sum(len(row["demonstrator_logps"]) for row in rows)
    loss = trainer.compute_loss(model.train(), trainer.data_collator(rows), False, count)
    found = torch.autograd.grad(loss, list(model.parameters()))

    total = torch.zeros(())
    for row in rows:
        ids, length = torch.tensor([row["input_ids"]]), len(row["demonstrator_logps"])
        logps = model(input_ids=ids).logits.log_softmax(-1)[0, -length - 1 : -1]
        logps = logps.gather(1, ids[0, -length:, None]).T
        mask, shown = torch.ones(1, length, dtype=torch.bool), row["demonstrator_logps"]
        weights = log_weights(logps, torch.tensor([shown]), mask, s).exp()
        total = total - (weights * logps).sum() / count
    assert loss.item() == pytest.approx(total.item(), rel=1e-5)
    for one, other in zip(found, torch.autograd.grad(total, model.parameters()), strict=True):
        assert (one - other).norm() <= 1e-4 * other.norm() + 1e-8


def test_controls_keep_the_mean_of_pears_weights(base, tmp_path):
    """Shuffled are the same weights elsewhere, constant their mean; the rate is that mean."""
    s = replace(SPEC, level="sequence")
    given = torch.rand(50, dtype=torch.double)
    used = {}
    for weights in ("pear", "shuffled", "constant", "learning_rate"):
        trainer = pear.build(replace(s, weights=weights), base, tmp_path, [])
        used[weights] = trainer.used(given)
    assert torch.equal(used["pear"], given)
    assert torch.equal(used["shuffled"].sort().values, given.sort().values)
    assert not torch.equal(used["shuffled"], given)
    assert used["constant"].tolist() == [given.mean()] * 50
    assert used["learning_rate"].tolist() == [1.0] * 50
    assert trainer.rate == given.mean()


def test_without_adam_and_clipping_a_constant_weight_is_a_matched_rate(base, tmp_path):
    s = replace(SPEC, level="sequence", optim="sgd", max_grad_norm=1e9, learning_rate=1e-2)
    ends = []
    for weights in ("constant", "learning_rate"):
        trainer = pear.build(replace(s, weights=weights), base, tmp_path, [])
        trainer.train()
        ends.append(torch.cat([p.detach().flatten() for p in trainer.model.parameters()]))
    assert torch.allclose(*ends, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("says", "changes"),
    [
        (
            "not known of those of cola",
            {"task": ColaSpec(files=(), folder=None, pretraining_share=0.5)},
        ),
        ("not known", {"demonstrator": "start"}),
        ("Leave planted", {"planted": "mask"}),
        ("whole batch of 16 rows", {"weights": "constant", "micro_batch": 8}),
    ],
)
def test_what_has_no_weights_is_refused(says, changes):
    with pytest.raises(ValueError, match=says):
        pear.check(replace(SPEC, **changes))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_followed_by_the_same_rl(variant):
    """The spine's, but for its length and where it starts."""
    plain, found = (NODES[name](RECIPE, 3) for name in ("short_sft_then_short_rl", variant))
    assert replace(found, start=plain.start) == plain
    spine = NODES["sft_then_rl"](RECIPE, 3)
    same = {name: getattr(spine, name) for name in ("max_steps", "snapshot_every", "start")}
    assert replace(plain, **same) == spine


def test_every_variant_of_sft_sees_the_same_demonstrations_for_as_many_steps():
    plain = NODES["short_sft"](RECIPE, 3)
    for name in SFT_VARIANTS:
        found = NODES[name](RECIPE, 3)
        kept = {f.name: getattr(found, f.name) for f in fields(ScheduledSFTSpec)}
        assert ScheduledSFTSpec(**kept | {"snapshot_every": plain.snapshot_every}) == plain
