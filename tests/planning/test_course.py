"""Time left of a graph: within what no order of work could beat, and silent until it is known."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench.fingerprint import address
from coupling_bench.pipelines import NODES
from coupling_bench.planning.course import Course
from coupling_bench.planning.schedules import time_of
from coupling_bench.progress import Progress
from coupling_bench.store import Store
from tests.tiny import recipe

RECIPE = recipe()
BASE = RECIPE.base
SFTS = [replace(NODES["sft"](RECIPE, 0), seed=seed) for seed in range(4)]
STAGES = [BASE, *SFTS]
"""Four that wait for one."""


def course(tmp_path, workers=2):
    """A course whose clock is a list of one number."""
    now = [0.0]
    return now, Course(STAGES, STAGES, Store(tmp_path), workers, clock=lambda: now[0])


def at(spec, step, total=10):
    return Progress(address=address(spec), step=step, total=total)


@given(st.lists(st.floats(0.0, 100.0), min_size=5, max_size=5), st.integers(1, 6))
def test_the_wall_time_is_the_larger_of_the_longest_path_and_the_divided_work(seconds, workers):
    taking = {address(spec): takes for spec, takes in zip(STAGES, seconds, strict=True)}
    found = time_of(STAGES, lambda spec: taking[address(spec)], workers)
    assert found.work == pytest.approx(sum(seconds))
    bound = max(sum(seconds) / workers, seconds[0] + max(seconds[1:]))
    assert found.wall == pytest.approx(bound)
    assert found.unknown == 0


def test_a_stage_at_work_is_foretold_from_its_own_pace(tmp_path):
    now, running = course(tmp_path)
    running.progress(at(BASE, 1))
    assert running.left_of(address(BASE)) is None
    assert str(running.left()) == "-"
    now[0] = 4.0
    running.progress(at(BASE, 3))  # two seconds a step
    assert running.left_of(address(BASE)) == pytest.approx(14.0)
    now[0] = 5.0
    assert running.left_of(address(BASE)) == pytest.approx(13.0)
    assert str(running.left()) == "at least 13 s"  # of the others nothing is known


def test_a_stage_that_goes_on_from_a_checkpoint_is_not_taken_for_a_fast_one(tmp_path):
    now, running = course(tmp_path)
    running.progress(at(BASE, 901, 1000))
    now[0] = 10.0
    running.progress(at(BASE, 911, 1000))
    assert running.left_of(address(BASE)) == pytest.approx(89.0)


def test_what_was_made_foretells_the_rest(tmp_path, monkeypatch):
    ticks = iter(range(0, 1000, 6))
    monkeypatch.setattr("coupling_bench.store.time.monotonic", lambda: next(ticks))
    _, running = course(tmp_path)
    for spec in (BASE, SFTS[0]):
        Store(tmp_path).get_or_make(spec, lambda folder: {})
        running.finished(spec, None)
    assert (running.made, running.failed) == (2, 0)
    left = running.left()
    assert (left.work, left.wall, left.unknown) == (18.0, 9.0, 0)


def test_a_failure_takes_its_descendants_out_of_the_count(tmp_path):
    _, running = course(tmp_path)
    running.finished(BASE, RuntimeError("broken"))
    assert (running.made, running.failed) == (0, 5)
    assert running.left().wall == 0.0
