"""Cells of SFT checkpoints by lengths of RL, of tables of logits, where all is known."""

import numpy as np
import pytest

from coupling_bench.measures import non_decoupling
from coupling_bench.store import Store
from tests.flows import Table, runs

SEEDS, PROMPTS = 3, 5
STARTS = {"flow_rl": 0, "flow_sft_5_then_rl": 1, "flow_sft_25_then_rl": 5}
"""Nodes with what their SFT steps come to at the scale of the tests."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The cells of three starts, and the paths that they are of, by start and seed."""
    store, draw = Store(tmp_path_factory.mktemp("store")), np.random.default_rng(0)
    tables = [Table(draw.uniform(0.05, 0.3, PROMPTS)) for _ in range(SEEDS)]
    sft = [table.path(draw.normal(size=PROMPTS), 10.0, 6, "loss") for table in tables]
    of_sft = runs(store, "flow_sft", [t.arrays(p) for t, p in zip(tables, sft, strict=True)])
    cells, paths = [], {}
    for node, step in STARTS.items():
        rl = [t.path(p[step], 0.5, 30, "reward") for t, p in zip(tables, sft, strict=True)]
        of_rl = runs(store, node, [t.arrays(p) for t, p in zip(tables, rl, strict=True)])
        cells += non_decoupling.cells(of_rl, of_sft)
        paths |= {(step, seed): path for seed, path in enumerate(rl)}
    return cells, paths, tables


def test_a_cell_says_what_its_table_of_logits_says(world):
    cells, paths, tables = world
    assert len(cells) == 30 * SEEDS * len(STARTS)
    for cell in cells:
        table, path = tables[cell.seed], paths[cell.sft_step, cell.seed]
        start, end = path[0], path[cell.rl_step]
        least = -(1 - table.noise) * np.log(1 - table.noise) - table.noise * np.log(table.noise)
        gradient, move = table.loss_gradient(start), end - start
        assert cell.epsilon == pytest.approx(table.loss(start) - least.mean())
        assert cell.loss_change == pytest.approx(table.loss(end) - table.loss(start))
        assert cell.reward_change == pytest.approx(table.reward(end) - table.reward(start))
        assert cell.distance == pytest.approx(np.linalg.norm(move))
        assert cell.descent * cell.gradient * cell.distance == pytest.approx(-gradient @ move)
        ahead = end + 1e-6 * table.reward_gradient(end)
        price = (table.loss(ahead) - table.loss(end)) / (table.reward(ahead) - table.reward(end))
        assert cell.marginal_cost == pytest.approx(price, rel=1e-3, abs=1e-5)
        assert cell.more_rl_costs_more_than_it_gains == (price > 1)
        assert cell.rl_improved_sft == (table.loss(end) < table.loss(start))
        gap = table.reward(end) - np.mean(1 - 2 * table.noise)
        assert cell.least_change == pytest.approx(gap**2 / 2 - cell.epsilon)


def test_signs_are_as_guaranteed_and_both_kinds_are_found(world):
    signs = {"falls": -1, "rises": 1}
    for name in ("guaranteed", "guaranteed_by_epsilon"):
        told = [(getattr(cell, name), cell) for cell in world[0]]
        assert all(signs.get(said, 0) * cell.loss_change >= 0 for said, cell in told)
    assert {cell.guaranteed for cell in world[0]} >= {"falls", "rises"}
    assert all(cell.loss_change >= cell.least_change for cell in world[0])


def cell(**fields):
    """A cell of which only the fields named matter."""
    zero = dict.fromkeys(non_decoupling.Cell.__dataclass_fields__, 0)
    return non_decoupling.Cell(**zero | fields)


def grid(power, seeds=2):
    """Where dL is s^power - epsilon; checkpoints a tenth apart make a straight line do."""
    return [
        cell(seed=seed, sft_step=k, rl_step=n, epsilon=epsilon, distance=distance, loss_change=dl)
        for seed in range(seeds)
        for n, distance in enumerate((0.1, 0.2, 0.4))
        for k, epsilon in enumerate(np.geomspace(1, 1e-4, 90))
        for dl in [distance**power - epsilon]
    ]


@pytest.mark.parametrize("power", [1, 2, 3])
def test_the_slope_of_the_crossings_is_that_of_the_threshold(power):
    slopes = non_decoupling.crossing_slopes(non_decoupling.crossings(grid(power)))
    assert slopes == pytest.approx([power, power], abs=0.02)
    assert non_decoupling.disordered(grid(power)).tolist() == [0, 0]


def test_a_loss_that_falls_near_the_optimum_and_rises_afar_is_out_of_order():
    turned = [cell(rl_step=n, epsilon=e, loss_change=e - 0.5 * n)
              for n in (1, 2, 3, 4) for e in (0.2, 0.9)]  # fmt: skip
    assert non_decoupling.disordered(turned).tolist() == [0.25]
    with pytest.raises(ValueError, match="Train RL from more checkpoints"):
        non_decoupling.crossing_slopes([{"seed": 0, "epsilon": 1.0, "distance": 1.0}])


def test_only_lengths_that_every_checkpoint_was_followed_by_are_compared():
    cells = [cell(sft_step=a, rl_step=b) for a, b in ((0, 1), (0, 2), (5, 2), (5, 3))]
    assert [c.rl_step for c in non_decoupling.at_common_lengths(cells)] == [2, 2]
