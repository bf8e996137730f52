"""Gradients and Hessians against finite differences, on a random model of a few prompts."""

import dataclasses

import numpy as np
import pytest
import torch

from coupling_bench import models, tasks
from coupling_bench.landscape import spectra
from coupling_bench.landscape.surface import GRPO_SPREAD, VALUES, Surface, twice_differentiable
from coupling_bench.specs import FlowSpec, model_of
from coupling_bench.stages.objectives import Objective
from tests.tiny import recipe

RECIPE = recipe(label_noise=0.2)
TASK = tasks.load(RECIPE.task)
FLOW = FlowSpec(
    start=RECIPE.base, task=RECIPE.task, objective="loss", prompts=2, learning_rate=0.1,
    max_steps=1, snapshot_every=1,
)  # fmt: skip
TINY_MOVE = 1e-5


@pytest.fixture(scope="module")
def surface(tmp_path_factory):
    """Of the weights of the norms alone, so that a whole Hessian is small."""
    folder = tmp_path_factory.mktemp("base")
    shape = dataclasses.replace(RECIPE.base.start, hidden_size=16, intermediate_size=24, head_dim=4)
    texts = [TASK.prompt(i) + TASK.response(i) for i in TASK.splits["pretraining"][:40]]
    tokenizer = models.new_tokenizer(dataclasses.replace(shape, vocab_size=300), texts)
    models.save(models.new_model(shape, tokenizer, seed=1), tokenizer, folder)
    described = dataclasses.replace(model_of(FLOW), attention="sdpa")
    model, tokenizer = models.load(folder, described, dtype="float64")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3.0)  # else all answers are equally unlikely and everything is flat
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("norm" in name)
    return Surface(model, Objective.of(FLOW, model, tokenizer))


@pytest.fixture
def here(surface):
    """The weights, at which the surface is again afterwards."""
    weights = surface.weights
    yield weights
    surface.place(weights)


def around(surface, here, function):
    """Central differences of a function of the surface along every weight, stacked."""
    found = []
    for axis in torch.eye(len(here), dtype=here.dtype):
        ends = []
        for sign in (1, -1):
            surface.place(here + sign * TINY_MOVE * axis)
            ends.append(function())
        found.append((ends[0] - ends[1]) / (2 * TINY_MOVE))
    surface.place(here)
    return torch.stack(found)


def test_gradients_are_those_of_finite_differences(surface, here):
    """Of every value; GRPO's with the spread of the reward held where the model is."""
    _, gradients = surface.gradients()
    with torch.no_grad():
        logps = surface.logps()
        chances, rewards = logps.exp(), surface.objective.rewards
        other = surface.objective.other_reward

        def earned():
            chances = surface.logps().exp()
            return (chances * rewards).sum(1) + (1 - chances.sum(1)) * other

        rest = 1 - chances.sum(1)
        squares = (chances * rewards**2).sum(1) + rest * other**2
        spread = (squares - earned() ** 2).sqrt() + GRPO_SPREAD

        def values():
            found = surface.values(surface.logps())
            found["grpo"] = (earned() / spread).mean()
            return torch.stack([found[name] for name in VALUES])

        expected = around(surface, here, values).T
    errors = (gradients - expected).norm(dim=1) / expected.norm(dim=1)
    assert (errors < 1e-4).all(), dict(zip(VALUES, errors.tolist(), strict=True))


@pytest.mark.parametrize("name", ["loss", "reward"])
def test_hessian_products_are_those_of_the_dense_hessian(surface, here, name):
    dense = around(surface, here, lambda: surface.gradients([name])[1][0])
    with twice_differentiable():
        product = surface.hessian_product(name)
        vectors = torch.randn(3, len(here), dtype=here.dtype, generator=torch.manual_seed(0))
        for vector in vectors:
            error = (product(vector) - dense @ vector).norm() / (dense @ vector).norm()
            assert error < 1e-4
        if name == "loss":
            largest = spectra.largest_eigenvalue(product, len(here))
            assert largest == pytest.approx(float(torch.linalg.eigvalsh(dense)[-1]), rel=1e-2)


def test_the_fisher_matrix_is_the_curvature_of_the_divergence(surface, here):
    """KL(pi || pi moved by h v), over the answers and anything else, is h^2 v'Fv / 2."""
    factor = surface.fisher_factor()

    def outcomes():
        chances = surface.logps().detach().exp()
        return torch.cat([chances, 1 - chances.sum(1, keepdim=True)], dim=1)

    before = outcomes()
    for seed in range(3):
        vector = torch.randn(len(here), dtype=here.dtype, generator=torch.manual_seed(seed))
        divergence = []
        for sign in (1, -1):
            surface.place(here + sign * 10 * TINY_MOVE * vector)
            divergence.append((before * (before / outcomes()).log()).sum(1).mean())
        expected = sum(divergence) / (10 * TINY_MOVE) ** 2
        torch.testing.assert_close((factor @ vector).square().sum(), expected, rtol=1e-3, atol=0)


def test_a_spectrum_is_that_of_the_whole_matrix(surface):
    factor = surface.fisher_factor()
    found = spectra.Spectrum.of(factor, 4)
    whole = torch.linalg.eigvalsh(factor.T @ factor).flip(0)
    np.testing.assert_allclose(found.eigenvalues[:4], whole[:4], rtol=1e-8)
    torch.testing.assert_close(
        found.basis @ found.basis.T, torch.eye(len(found.basis), dtype=whole.dtype)
    )
