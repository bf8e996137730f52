"""The statistics of the gate: exact under any distribution, and able to see what has changed."""

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from coupling_bench.nightly import band


def test_the_statistic_of_the_mean_is_the_one_of_mlperfs_reference_convergence_points():
    draw = np.random.default_rng(1)
    reference, run = draw.normal(size=(12, 4)), draw.normal(size=(3, 4))
    chosen = band._choices(12, 3)
    mean, largest, _ = band._statistics(np.concatenate([reference, run]), chosen)
    expected = stats.ttest_ind(run, reference, equal_var=True).statistic
    assert mean[0] == pytest.approx(np.abs(expected))
    far = np.abs(run - reference.mean(axis=0)).max(axis=0)
    error = reference.std(axis=0, ddof=1) * math.sqrt(1 + 1 / 12)
    assert largest[0] == pytest.approx(far / error)


def test_every_choice_of_the_runs_seeds_is_looked_at_once_and_the_run_itself_first():
    chosen = band._choices(5, 2)
    assert chosen[0].tolist() == [False] * 5 + [True] * 2
    found = {tuple(np.nonzero(row)[0].tolist()) for row in chosen}
    assert found == set(combinations(range(7), 2)) and len(chosen) == math.comb(7, 2)


@pytest.mark.parametrize("kind", ["normal", "heavy", "skew", "rare"])
def test_alarms_are_no_more_frequent_than_the_level_whatever_the_distribution(kind):
    """Exactness, by exhaustion: each choice of 2 of 10 seeds is the run once, the level is 1/5."""
    draw = np.random.default_rng(2)
    shape, shared = (10, 12), (10, 1)
    values = {
        "normal": draw.normal(size=shape) + draw.normal(size=shared),
        "heavy": draw.standard_t(2, size=shape),
        "skew": np.exp(2 * draw.normal(size=shape)),
        "rare": (draw.random(shape) < 0.15).astype(float),
    }[kind]
    alarms = 0
    for run in combinations(range(10), 2):
        mine = np.isin(np.arange(10), run)
        found = band.bands([(values[~mine], values[mine])], level=0.2)
        alarms += any(one.outside(0.2) for one in found[0])
    assert alarms <= 0.2 * math.comb(10, 2)
    if kind in ("normal", "heavy", "skew"):
        assert alarms > 0


def test_student_and_bonferroni_would_cry_wolf_where_tails_are_heavy():
    """Why the level is a permutation test's: with t(3) values every other night is an alarm."""
    draw = np.random.default_rng(3)
    nights, students, ours = 60, 0, 0
    for _ in range(nights):
        reference, run = draw.standard_t(3, (12, 58)), draw.standard_t(3, (3, 58))
        (found,) = band.bands([(reference, run)])
        ours += any(one.outside() for one in found)
        students += any(one.far_out for one in found)
    assert students > 0.3 * nights
    assert ours <= 4  # 1.2 are expected; more than 4 come in 1 of 100 such tests


def test_a_shift_of_many_spreads_is_seen_and_named_and_its_neighbours_are_not():
    draw = np.random.default_rng(4)
    reference, run = draw.normal(size=(12, 58)), draw.normal(size=(3, 58))
    run[:, 7] += 8
    (found,) = band.bands([(reference, run)])
    assert [k for k, one in enumerate(found) if one.outside()] == [7]
    inside = [b.low <= m <= b.high for b, m in zip(found, run.mean(axis=0), strict=True)]
    assert not inside.pop(7) and all(inside)


def test_seeds_that_fly_apart_around_the_same_mean_are_seen():
    draw = np.random.default_rng(5)
    reference, run = draw.normal(size=(12, 20)), draw.normal(size=(3, 20))
    run[:, 3] = [-40.0, 40.0, 30.0]
    (found,) = band.bands([(reference, run)])
    assert found[3].outside() and found[3].p_mean > band.LEVEL


def test_a_single_strange_seed_is_no_alarm_and_is_named():
    """One strange seed of 15 is among the run's three on one night in five."""
    draw = np.random.default_rng(6)
    reference, run = draw.normal(size=(12, 20)), draw.normal(size=(3, 20))
    run[0, 5] = 30.0
    (found,) = band.bands([(reference, run)])
    assert not found[5].outside() and found[5].far_out


def test_constants_agree_unless_all_of_the_run_differ():
    reference = np.zeros((12, 3))
    run = np.array([[0.0, 0.5, 0.0], [0.0, 0.5, 0.0], [0.0, 0.5, 0.5]])
    (found,) = band.bands([(reference, run)])
    assert [one.outside() for one in found] == [False, True, False]
    assert (found[0].low, found[0].high) == (0.0, 0.0)


def test_rare_values_among_constants_have_bands_without_a_warning():
    reference, run = np.zeros((12, 40)), np.zeros((3, 40))
    reference[0, ::2], run[0, 1::2] = 1.0, 1.0
    (found,) = band.bands([(reference, run)])
    assert not any(one.outside() for one in found)
    assert all(one.low <= 0 <= one.high for one in found)


@pytest.mark.parametrize("where", ["run", "reference"])
def test_a_strange_seed_among_equal_ones_is_no_alarm_however_numbers_round(where):
    """All choices that hold it tie, at infinity: rounding must not tell them apart."""
    draw = np.random.default_rng(9)
    for value, other in draw.normal(size=(200, 2)):
        seeds = {"reference": np.full((12, 1), value), "run": np.full((3, 1), value)}
        seeds[where][draw.integers(len(seeds[where]))] = other
        ((found,),) = band.bands([(seeds["reference"], seeds["run"])])
        assert not found.outside() and found.p_largest > 0.2


def exact(values, n):
    """P-values of the last n rows by fractions, from the formulas alone: both statistics."""
    m, rows = len(values) - n, range(len(values))
    found = []
    for chosen in sorted(combinations(rows, n), key=lambda c: c != tuple(rows)[m:]):
        of_choice = []
        for column in zip(*values, strict=True):
            x = [Fraction(column[i]) for i in chosen]
            y = [Fraction(column[i]) for i in rows if i not in chosen]
            x0, y0 = sum(x) / n, sum(y) / m
            xx, yy = (sum((v - a) ** 2 for v in of) for of, a in ((x, x0), (y, y0)))
            pairs = [
                ((x0 - y0) ** 2, (xx + yy) / (n + m - 2) * (Fraction(1, n) + Fraction(1, m))),
                (max((v - y0) ** 2 for v in x), yy / (m - 1) * (1 + Fraction(1, m))),
            ]
            of_choice.append([d / e if e else math.inf if d else 0 for d, e in pairs])
        found.append(list(zip(*of_choice, strict=True)))
    return np.array([
        [min(1.0, 2 * np.mean([max(of[s]) >= found[0][s][k] for of in found])) for s in (0, 1)]
        for k in range(len(values[0]))
    ])  # fmt: skip


@pytest.mark.parametrize("kind", ["different", "tied", "rare", "constant but for the run"])
def test_p_values_are_those_of_the_formulas_in_fractions(kind):
    draw = np.random.default_rng(10)
    values = {
        "different": draw.integers(-1000, 1000, (9, 3)),
        "tied": draw.integers(0, 3, (9, 3)),
        "rare": np.where(draw.random((9, 3)) < 0.12, draw.integers(-50, 50, (9, 3)), 7),
        "constant but for the run": np.vstack([np.full((6, 3), 7), draw.integers(0, 9, (3, 3))]),
    }[kind]
    (found,) = band.bands([(values[:6] / 3 + 0.1, values[6:] / 3 + 0.1)])
    told = np.array([[one.p_mean, one.p_largest] for one in found])
    assert told == pytest.approx(exact(values.tolist(), 3))


def test_numbers_that_differ_by_rounding_alone_are_equal():
    reference = np.full((12, 1), 0.1) + np.linspace(0, 1e-17, 12)[:, None]
    run = np.full((3, 1), 0.1 + 1.4e-17)
    (found,) = band.bands([(reference, run)])
    assert not found[0].outside()


def test_so_few_seeds_that_no_alarm_is_possible_are_known():
    assert band.can_tell(12, 3) and not band.can_tell(12, 1) and not band.can_tell(12, 2)
    assert band.can_tell(12, 5, 0.02) and not band.can_tell(12, 5, 0.01)
    assert [band.least_run(12, share) for share in (1.0, 0.1, 0.01)] == [3, 4, None]
    assert not band.can_tell(12, 6, 0.01)  # of 18,564 choices 6,500 are drawn
    draw = np.random.default_rng(7)
    others = (draw.normal(size=(12, 99)), draw.normal(size=(6, 99)))
    ((rare,), _) = band.bands([(draw.normal(size=(12, 1)), np.full((6, 1), 1e6)), others])
    assert not rare.outside()
    reference, run = np.random.default_rng(7).normal(size=(12, 2)), np.full((1, 2), 1e6)
    (found,) = band.bands([(reference, run)])
    assert not found[0].outside() and math.isinf(found[0].high)


def test_the_drawn_band_is_students_prediction_of_a_mean():
    values = np.random.default_rng(8).normal(size=12)
    low, high = band.predicted(values, 3, 1)
    half = stats.t(11).ppf(1 - band.LEVEL / 2) * values.std(ddof=1) * math.sqrt(1 / 3 + 1 / 12)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half))


@pytest.mark.parametrize("alarms", [1, 2, 5])
def test_the_band_and_its_p_value_say_the_same_and_the_level_is_used_up(alarms):
    """Of 45 choices of continuous values as many are outside as the level allows, by either."""
    values, level = np.random.default_rng(11).normal(size=(10, 1)), 2 * alarms / 45
    by_p = by_band = 0
    for run in combinations(range(10), 2):
        mine = np.isin(np.arange(10), run)
        ((found,),) = band.bands([(values[~mine], values[mine])], level)
        assert found.mean == pytest.approx(values[~mine].mean())
        assert found.mean == pytest.approx((found.low + found.high) / 2)
        by_p += found.p_mean <= level
        by_band += not found.low - 1e-9 <= values[mine].mean() <= found.high + 1e-9
        assert found.outside(level) == (min(found.p_mean, found.p_largest) <= level)
    assert (by_p, by_band) == (alarms, alarms)


@pytest.mark.parametrize(("share", "strange"), [(0.9, True), (1.1, False)])
def test_a_strange_seed_is_named_at_the_level_shared_by_seeds_and_quantities(share, strange):
    reference = np.tile(np.linspace(-1, 1, 12)[:, None], (1, 4))
    far = stats.t(11).isf(share * band.LEVEL / 4 / 3 / 2) * reference[:, 0].std(ddof=1)
    run = np.zeros((3, 4))
    run[1, 2] = far * math.sqrt(1 + 1 / 12)
    (found,) = band.bands([(reference, run)])
    assert [one.far_out for one in found] == [False, False, strange, False]


def test_constants_of_too_few_seeds_have_no_ends():
    ((found,),) = band.bands([(np.zeros((12, 1)), np.zeros((1, 1)))])
    assert (found.low, found.high) == (-math.inf, math.inf)
