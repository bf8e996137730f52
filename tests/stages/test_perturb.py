"""Random steps: as long as asked for, as far as asked for, and random."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from coupling_bench import models, probes, stages, tasks
from coupling_bench.measures.weights import distance
from coupling_bench.pipelines import NODES, lineage, observation
from coupling_bench.pipelines.controls import sft_then_step_of_equal_kl as equal_kl
from coupling_bench.pipelines.controls import sft_then_step_of_equal_norm as equal_norm
from coupling_bench.prompting import prompt_texts
from coupling_bench.runs import Runs
from coupling_bench.specs import LoraSpec, PerturbSpec, model_of
from coupling_bench.stages import perturb
from coupling_bench.store import Store
from tests import open_task
from tests.architectures import save
from tests.tiny import imported, recipe

RECIPE = recipe()
RECIPE = dataclasses.replace(RECIPE, rl=dataclasses.replace(RECIPE.rl, learning_rate=1e-2))
FEW = 24


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    """A store with SFT and RL after it, which went far enough to be imitated."""
    store = Store(tmp_path_factory.mktemp("store"))
    for stage in lineage(NODES["sft_then_rl"](RECIPE, 0)):
        stages.make(stage, store)
    return store


def weights(folder) -> torch.Tensor:
    model, _ = models.load(folder)
    return torch.cat([w.detach().double().flatten() for w in model.parameters()])


def test_a_step_of_equal_norm_is_as_long_as_rls_and_goes_elsewhere(store):
    """In so many dimensions two random directions, or one and RL's, are nearly at right angles."""
    first = equal_norm(RECIPE, 0)
    start, rl = (weights(store.get(s).folder) for s in (first.start.start, first.start))
    steps = []
    for spec in (first, dataclasses.replace(first, seed=1)):
        entry, _ = stages.make(spec, store)
        steps.append(weights(entry.folder) - start)
        assert float(steps[-1].norm()) == pytest.approx(float((rl - start).norm()), rel=1e-5)
        assert models.snapshot_steps(entry.folder) == [0]
        of_node = [Runs(node="", seeds=(0,), stages=(s,), store=store) for s in (spec, first)]
        assert distance(*of_node)[0] == pytest.approx(
            float((steps[-1] - steps[0]).norm()), rel=1e-5, abs=1e-9
        )
    steps.append(rl - start)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        cosine = torch.nn.functional.cosine_similarity(steps[one], steps[other], dim=0)
        assert abs(float(cosine)) < 5 / len(start) ** 0.5


def test_the_direction_favours_no_weight(store):
    """Squares of a uniform direction are spread like chi-squared ones, in every tensor alike."""
    spec = equal_norm(RECIPE, 0)
    stages.make(spec, store)
    before, after = (models.load(store.get(s).folder)[0] for s in (spec.start.start, spec))
    pairs = zip(before.parameters(), after.parameters(), strict=True)
    shares = [float((b - a).detach().square().mean().sqrt()) for a, b in pairs if a.numel() > 5_000]
    assert len(shares) > 3
    assert max(shares) < 1.1 * min(shares)


def mean_kl(store, spec, policy) -> float:
    """E KL(SFT || policy) on the first of SFT's prompts, by the probe's own reader."""
    task = tasks.load(RECIPE.task)
    outcomes = []
    for stage in (spec.start.start, policy):
        model, tokenizer = models.load(store.get(stage).folder)
        prompts = prompt_texts(model_of(stage), tokenizer, task, task.splits["sft"][:FEW])
        said = [[answer] * FEW for answer in RECIPE.task.answers]
        reader = probes.Reader(model, tokenizer, prompts, said, observation(stage, 0, "held_out"))
        p = np.exp(reader.read([1.0], sampling=False)[0][0])
        outcomes.append(np.column_stack([p, 1 - p.sum(axis=1)]))
    p, q = outcomes
    return float((p * np.log(p / q)).sum(axis=1).mean())


def test_a_step_of_equal_kl_changes_the_answers_as_much_as_rl(store):
    spec = dataclasses.replace(equal_kl(RECIPE, 0), prompts=FEW)
    entry, _ = stages.make(spec, store)
    target = mean_kl(store, spec, spec.start)
    assert target > 1e-3
    assert mean_kl(store, spec, spec) == pytest.approx(target, rel=2 * spec.tolerance)
    assert entry.facts["kl_of_the_stage"] == pytest.approx(target, rel=1e-3)
    length = (weights(entry.folder) - weights(store.get(spec.start.start).folder)).norm()
    assert entry.facts["norm"] == pytest.approx(float(length), rel=1e-4)


def test_adapters_alone_are_moved(tmp_path):
    """By as much as SFT moved them, from where they began; what they adapt stays."""
    folder = save("llama", tmp_path / "model")
    adapted, store = imported(folder, LoraSpec(rank=4, alpha=8)), Store(tmp_path / "store")
    spec = PerturbSpec(start=NODES["sft"](adapted, 0), matched="norm")
    entry, sft = [stages.make(s, store)[0].folder for s in lineage(spec)][:0:-1]
    began = load_file(sft / models.SNAPSHOTS / "000000.safetensors")
    ends = [load_file(place / "adapter_model.safetensors") for place in (sft, entry)]
    lengths = [sum((end[k] - began[k]).square().sum() for k in began).sqrt() for end in ends]
    assert lengths[1] == pytest.approx(float(lengths[0]), rel=1e-5)
    assert lengths[0] > 1e-3
    assert (entry / models.BASE).resolve() == (sft / models.BASE).resolve()


def test_what_cannot_be_matched_is_said(store):
    """A stage that stood still has no length, and open answers no exact divergence."""
    still = NODES["sft_then_rl_at_zero_rate"](RECIPE, 0)
    stages.make(still, store)
    with pytest.raises(ValueError, match=r"GRPOSpec-\w+ ended where it began"):
        stages.make(dataclasses.replace(equal_norm(RECIPE, 0), start=still), store)
    rl = dataclasses.replace(still.start, task=open_task.spec())
    spec = dataclasses.replace(equal_kl(RECIPE, 0), start=rl)
    with pytest.raises(ValueError, match=r"sums has none\. Match the norm instead"):
        perturb._answers(spec, None, None)
    with pytest.raises(ValueError, match=r"no step along its direction.* change seed"):
        perturb._match(lambda length: 0.0, 1.0, 1.0, equal_kl(RECIPE, 0))


def test_learning_rate_zero_changes_no_bit(store):
    """RL and SFT, with all of their snapshots' answers."""
    for node in ("sft_then_rl_at_zero_rate", "sft_then_sft_at_zero_rate"):
        spec = NODES[node](RECIPE, 0)
        entry, _ = stages.make(spec, store)
        assert entry.facts["steps"] == 4
        before = weights(store.get(spec.start).folder)
        assert torch.equal(weights(entry.folder), before)
