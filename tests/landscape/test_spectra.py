"""Spectra of a tiny model and of random matrices, against dense eigenvalues."""

import dataclasses

import numpy as np
import pytest
import torch

from coupling_bench import models, tasks
from coupling_bench.landscape import spectra
from coupling_bench.landscape.surface import Surface, twice_differentiable
from coupling_bench.specs import FlowSpec
from coupling_bench.stages.objectives import Objective
from tests.tiny import recipe

RECIPE = recipe(label_noise=0.2)
FLOW = FlowSpec(
    start=RECIPE.base, task=RECIPE.task, objective="loss", prompts=4,
    learning_rate=1e-2, max_steps=1, snapshot_every=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def surface():
    """A model with random weights, of which those of the attention and the MLPs are looked at."""
    task = tasks.load(RECIPE.task)
    shape = dataclasses.replace(
        RECIPE.base.start, hidden_size=8, intermediate_size=6, head_dim=2, vocab_size=300
    )
    texts = [task.prompt(item) + task.response(item) for item in task.splits["pretraining"][:40]]
    tokenizer = models.new_tokenizer(shape, texts)
    model = models.new_model(shape, tokenizer, seed=1).double()
    model.get_input_embeddings().requires_grad_(False)
    return Surface(model, Objective.of(FLOW, model, tokenizer))


def fisher(surface):
    """The Fisher matrix by its definition, from whole rows without cache or batch."""
    objective, matrix = surface.objective, 0
    for number, prompt in enumerate(objective.prompts):
        chances = []
        for of_all in objective.answers:
            ids = torch.tensor([[*prompt, *of_all[number]]])
            found = torch.log_softmax(surface.model(input_ids=ids).logits[0, :-1], dim=-1)
            answer = ids[0, len(prompt) :]
            chances.append(found[len(prompt) - 1 :].gather(1, answer[:, None]).sum().exp())
        for chance in [*chances, 1 - sum(chances)]:
            slope = surface.gradient(chance.log(), retain_graph=True)
            matrix = matrix + chance.detach() * torch.outer(slope, slope)
    return matrix / len(objective)


def test_the_spectrum_of_the_factor_is_that_of_the_dense_fisher_matrix(surface):
    """Eigenvalues, leading eigenvectors and quadratic forms; the Gram matrix has no others."""
    dense = fisher(surface)
    values, vectors = np.linalg.eigh(dense.numpy())
    found = spectra.Spectrum.of(surface.fisher_factor(), most=3)
    rows = len(found.eigenvalues)
    assert len(dense) > rows == 4 * 3
    assert found.eigenvalues.numpy() == pytest.approx(values[::-1][:rows], abs=1e-9 * values[-1])
    assert abs(values[::-1][rows:]).max() < 1e-9 * values[-1]
    assert (found.basis @ found.basis.T).numpy() == pytest.approx(np.eye(3), abs=1e-9)
    agreement = np.abs((found.basis.numpy() * vectors[:, ::-1][:, :3].T).sum(axis=1))
    assert agreement == pytest.approx(np.ones(3), abs=1e-6)
    move = torch.randn(len(dense), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert float((found.factor @ move).square().sum()) == pytest.approx(float(move @ dense @ move))


def test_eigenvectors_that_are_lost_in_rounding_are_left_out():
    factor = torch.tensor([[2.0, 0, 0], [0, 1.0, 0], [0, 1e-9, 0]], dtype=torch.float64)
    found = spectra.Spectrum.of(factor, most=3)
    assert found.basis.abs().numpy() == pytest.approx(np.eye(3)[:2], abs=1e-12)
    assert found.eigenvalues.numpy() == pytest.approx([4, 1, 0], abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_lanczos_finds_the_largest_eigenvalue_and_not_the_largest_in_size(seed):
    matrix = np.random.default_rng(seed).normal(size=(60, 60))
    matrix = matrix + matrix.T - 12 * np.eye(60)
    values = np.linalg.eigvalsh(matrix)
    assert -values[0] > 1.5 * values[-1]
    product = torch.from_numpy(matrix).mv
    found = spectra.largest_eigenvalue(product, 60)
    assert found == pytest.approx(values[-1], rel=spectra.TOLERANCE)


def test_lanczos_finds_the_largest_curvature_of_the_loss(surface):
    """By some norms' weights alone, against the Hessian by central differences of the gradient."""
    few = Surface(surface.model, surface.objective)
    norms = ("q_norm", "k_norm", "model.norm")
    few.parameters = [p for n, p in surface.model.named_parameters() if any(k in n for k in norms)]
    start, step = few.weights, 1e-4  # norms are fp32 within, whatever the model is in

    def slope(weights):
        few.place(weights)
        return few.gradients(("loss",))[1][0]

    with twice_differentiable():
        shifts = step * torch.eye(len(start), dtype=torch.float64)
        rows = [(slope(start + one) - slope(start - one)) / (2 * step) for one in shifts]
        few.place(start)
        found = spectra.largest_eigenvalue(few.hessian_product("loss"), len(start))
    dense = torch.stack(rows).numpy()
    assert found == pytest.approx(np.linalg.eigvalsh(dense)[-1], rel=2 * spectra.TOLERANCE)
