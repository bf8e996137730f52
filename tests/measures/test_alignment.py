"""Gradients and moves in a spectrum, of tables of logits: projections are on prompts."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from coupling_bench.measures import alignment
from coupling_bench.store import Store
from tests.flows import RANKS, Table, runs

PROMPTS = 6


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """RL from random logits, for two seeds, with tables and paths."""
    draw = np.random.default_rng(0)
    tables = [Table(draw.uniform(0.05, 0.3, PROMPTS)) for _ in range(2)]
    paths = [table.path(draw.normal(size=PROMPTS), 0.5, 12, "reward") for table in tables]
    store = Store(tmp_path_factory.mktemp("store"))
    arrays = [table.arrays(path) for table, path in zip(tables, paths, strict=True)]
    return runs(store, "flow_rl", arrays), tables, paths


def cosine(first, second):
    return first @ second / np.linalg.norm(first) / np.linalg.norm(second)


def test_shares_and_cosines_are_those_of_the_gradients(world):
    of_rl, tables, paths = world
    found = alignment.alignments(of_rl)
    assert [(one.seed, one.k) for one in found] == [(s, k) for s in (0, 1) for k in RANKS]
    for one in found:
        table, start = tables[one.seed], paths[one.seed][0]
        loss, reward, grpo = (
            gradient(start) for gradient in (table.loss_gradient, table.reward_gradient, table.grpo)
        )
        leading = np.argsort(-table.curvature(start))[: one.k]
        norms = np.linalg.norm(loss) * np.linalg.norm(reward)
        assert one.cosine == pytest.approx(cosine(loss, reward))
        assert one.grpo_cosine == pytest.approx(cosine(loss, grpo))
        assert one.grpo_reward_cosine == pytest.approx(cosine(reward, grpo))
        assert one.rho_loss == pytest.approx((loss[leading] ** 2).sum() / (loss**2).sum())
        assert one.rho_reward == pytest.approx((reward[leading] ** 2).sum() / (reward**2).sum())
        assert one.inside == pytest.approx(loss[leading] @ reward[leading] / norms)
        assert one.low <= one.cosine <= one.high
        # Two draws that are the prompts themselves: nothing is left to correct.
        assert one.corrected_cosine == pytest.approx(one.cosine)
        assert one.rho_random == one.rho_of_range == one.k / PROMPTS
    over = [np.log10(one.rho_loss * PROMPTS / 3) for one in found if one.k == 3]
    assert alignment.decades_above(found, 3, "rho_random").tolist() == pytest.approx(over)


def test_the_damage_of_a_move_lies_in_its_bracket(world):
    of_rl, tables, paths = world
    found = alignment.damages(of_rl)
    assert len(found) == 2 * 12 * len(RANKS)
    for one in found:
        table, path = tables[one.seed], paths[one.seed]
        move, values = path[one.rl_step] - path[0], table.curvature(path[0])
        order = np.argsort(-values)
        assert one.damage == pytest.approx((values * move**2).sum() / 2)
        assert one.rho == pytest.approx((move[order[: one.k]] ** 2).sum() / (move**2).sum())
        assert one.low <= one.damage <= one.high
        assert one.loss_change == pytest.approx(table.loss(path[one.rl_step]) - table.loss(path[0]))
        assert one.predictor == pytest.approx(one.rho * values.max() * (move**2).sum())
    of_seed = [[one for one in found if (one.seed, one.k) == (s, 3)] for s in (0, 1)]
    expected = [spearmanr([o.predictor for o in group], [o.loss_change for o in group]).statistic
                for group in of_seed]  # fmt: skip
    assert alignment.rank_correlation(found, 3).tolist() == pytest.approx(expected)
    out = [np.mean([not o.low <= o.loss_change <= o.high for o in group]) for group in of_seed]
    assert alignment.outside(found, 3).tolist() == out


def test_the_spectrum_is_that_of_the_fisher_matrix(world):
    of_rl, tables, paths = world
    rows = [row for row in alignment.spectrum(of_rl) if row["seed"] == 1]
    assert [row["rank"] for row in rows] == list(range(1, PROMPTS + 1))
    values = sorted(tables[1].curvature(paths[1][0]), reverse=True)
    assert [row["eigenvalue"] for row in rows] == pytest.approx(values)
    assert {row["step"] for row in rows} == {0}
