"""R4: what the leading eigenvectors of a curvature say of an angle, and of the damage of a move."""

import numpy as np
import pytest

from coupling_bench import theorem
from coupling_bench.theorems import agreement
from coupling_bench.theory.landscape import alignment
from coupling_bench.theory.landscape.instances import curvatures

DERIVED = "derived; arXiv:2601.07389v2 names 'spectral concentration', its text is not at hand"
SIZE, INSTANCES, ROUNDING = 12, 2000, 1e-12


@pytest.fixture(scope="module")
def pairs():
    """Eigenvalues ``(N, D)`` and two vectors in the eigenvectors' axes, from alike to opposite."""
    draw = np.random.default_rng(0)
    values = curvatures(draw, INSTANCES, SIZE)
    lean = values ** draw.uniform(0, 2, (INSTANCES, 1))  # into the leading space, or not at all
    first, second = draw.normal(size=(2, INSTANCES, SIZE)) * lean
    return values, first, second + draw.normal(size=(INSTANCES, 1)) * first


@pytest.fixture(scope="module", params=(1, 3, 8))
def k(request):
    """How many eigenvectors are leading."""
    return request.param


def rhos(k, *vectors):
    basis = np.eye(SIZE)[:k]
    return [alignment.concentration(vector, basis) for vector in vectors]


def inside(k, first, second):
    """What the cosine has in the leading space."""
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return (first[:, :k] * second[:, :k]).sum(axis=1) / norms


@theorem("|cos(v, w) - <P v, P w> / (||v|| ||w||)| <= sqrt((1 - rho_v) (1 - rho_w))", cites=DERIVED)
def test_concentration_bounds_what_the_cosine_has_outside(pairs, k, check):
    _, first, second = pairs
    most = alignment.most_misalignment(*rhos(k, first, second))
    outside = alignment.cosine(first, second) - inside(k, first, second)
    check(most - np.abs(outside), tolerance=ROUNDING, unit="cosine")


@theorem(
    "|cos(v, w)| >= sqrt(rho_v rho_w) - sqrt((1 - rho_v) (1 - rho_w)) for k = 1",
    cites=DERIVED,
    assumes="one leading direction",
)
def test_one_leading_direction_bounds_the_angle(pairs, check):
    _, first, second = pairs
    least = alignment.least_cosine(*rhos(1, first, second))
    found = np.abs(alignment.cosine(first, second))
    check(found - least, tolerance=ROUNDING, unit="cosine")


@theorem(
    "|cos(v, w)| >= sqrt(rho_v rho_w) - sqrt((1 - rho_v) (1 - rho_w)) for any k",
    cites="the bound for one direction, of a leading space of several",
    false=True,
)
def test_several_leading_directions_bound_no_angle(check):
    """Both vectors lie wholly in two leading directions, one in each."""
    first, second = np.eye(SIZE)[:1], np.eye(SIZE)[1:2]
    least = alignment.least_cosine(*rhos(2, first, second))
    check(np.abs(alignment.cosine(first, second)) - least, tolerance=0.0, unit="cosine")


@theorem(
    "s^2 lambda_k rho / 2 <= Delta' F Delta / 2 <= s^2 [lambda_1 rho + lambda_{k+1} (1 - rho)] / 2",
    cites=DERIVED,
    assumes="F is PSD, its eigenvalues fall",
)
def test_where_a_move_lies_bounds_its_damage(pairs, k, check):
    values, move, _ = pairs
    damage, scale = (values * move**2).sum(axis=1) / 2, values[:, 0] * (move**2).sum(axis=1)
    (rho,), distance = rhos(k, move), np.linalg.norm(move, axis=1)
    least = alignment.least_damage(distance, rho, values[:, k - 1])
    most = alignment.most_damage(distance, rho, values[:, 0], values[:, k])
    slacks = [(damage - least) / scale, (most - damage) / scale]
    check(np.concatenate(slacks), tolerance=ROUNDING, unit="lambda_1 s^2")


@theorem(
    "Delta' F Delta / 2 <= s^2 lambda_1 rho / 2: off the leading space there is no damage",
    cites="the damage bound without its second term",
    false=True,
)
def test_a_move_off_the_leading_space_can_do_damage(pairs, check):
    values, move, _ = pairs
    damage, (rho,) = (values * move**2).sum(axis=1) / 2, rhos(1, move)
    most = alignment.most_damage(np.linalg.norm(move, axis=1), rho, values[:, 0], 0.0)
    check((most - damage) / values[:, 0], tolerance=0.0, unit="lambda_1")


@theorem(
    "products of two independent draws give the cosine of what they estimate",
    cites="derived: independent noise has no expected product",
    assumes="mean over 4,000 pairs of draws of each product; noise twice as long as the gradients",
)
def test_products_of_independent_draws_have_no_bias(check):
    draw = np.random.default_rng(0)
    slacks = []
    for _ in range(20):
        truth = draw.normal(size=(2, SIZE))
        estimates = truth[:, None] + 2 * draw.normal(size=(4000, 2, 2, SIZE))
        rows = estimates.reshape(4000, 4, SIZE)  # g_L, g_L, g_J, g_J
        products = np.einsum("nid,njd->ij", rows, rows) / 4000
        found = alignment.noise_corrected_cosine(products)
        slacks.append(agreement(found, alignment.cosine(*truth)))
    check(slacks, tolerance=0.05, unit="cosine, relative")
