"""False alarms are counted: few where nothing changed, and all where fresh seeds are others."""

import numpy as np

from coupling_bench.nightly import false_alarms, gate
from coupling_bench.nightly.evidence import pool
from tests.example_nights import drawn, record


def seeds(numbers, draw, **changes):
    return pool([record(drawn(numbers, draw=draw, **changes))])


def test_few_nights_on_which_nothing_changed_are_alarms_even_where_tails_are_heavy():
    found = seeds(range(40), np.random.default_rng(1), heavy=True)
    counted = false_alarms.exchanged(found, nights=150)
    assert counted.alarms <= 9  # 3 are expected; more than 9 come in 1 of 1,000 such tests
    assert counted.interval[0] <= counted.alarms / 150 <= counted.interval[1]


def test_drawn_references_are_as_large_as_the_real_one_and_apart_from_their_night(monkeypatch):
    asked = []

    def compare(reference, run, **rest):
        asked.extend(
            (set(reference.seeds.claims[key].values), set(evidence.values))
            for key, evidence in run.claims.items()
        )
        return gate.compare(reference, run, **rest)

    monkeypatch.setattr(false_alarms, "compare", compare)
    false_alarms.exchanged(seeds(range(40), np.random.default_rng(1), claims=2), nights=3)
    assert len(asked) == 6
    assert all((len(old), len(new)) == (12, 3) and not old & new for old, new in asked)


def test_verdicts_that_flip_by_chance_are_counted_and_are_no_alarms():
    draw = np.random.default_rng(2)
    found = seeds(range(30), draw, claims=4, spread=0.08)  # 0.1 with 0.08: close to the margin
    counted = false_alarms.exchanged(found, nights=60)
    assert counted.flips > 30 and counted.verdict_alarms <= 5


def test_a_machine_that_shifts_all_its_seeds_alike_is_seen_where_a_night_is_of_one_machine():
    """Exchanging all seeds hides it; a reference that has seeds of both machines covers it."""
    draw = np.random.default_rng(4)
    one, other = (record(drawn(range(first, first + 12), draw=draw, shift=shift, of=20), night)
                  for night, (first, shift) in enumerate(((101, 0), (201, 12))))  # fmt: skip
    few = record(drawn(range(3), draw=draw, shift=12, of=20), 2)
    hidden = pool([one, few])
    assert false_alarms.exchanged(hidden, nights=40).alarms <= 4
    seen = false_alarms.of_one_run(hidden, nights=60)
    assert 0 < seen.alarms < 60  # the few are strange to the twelve, and not the other way round
    covered = false_alarms.of_one_run(pool([one, other, few]), nights=60)
    assert covered.alarms < seen.alarms / 2


def test_fresh_seeds_of_another_training_are_alarms_against_the_reference_as_it_is():
    draw = np.random.default_rng(3)
    reference = seeds(range(101, 113), draw)
    same, other = (seeds(range(20), draw, shift=shift, of=20) for shift in (0, 8))
    assert false_alarms.fixed(reference, other, nights=20).alarms == 20
    assert false_alarms.fixed(reference, same, nights=20).alarms < 10
    assert false_alarms.fixed(reference, seeds(range(3), draw)) is None
    known = seeds(range(101, 113), draw)  # the reference's own seeds are not fresh
    assert false_alarms.fixed(reference, known) is None
