"""Executors: a killed worker is one sentence of one stage, and an error keeps its own."""

import importlib.util
import multiprocessing
import os
import signal
import threading
from concurrent.futures import Future
from dataclasses import replace

import pytest

from coupling_bench.executors import open_executor, process
from coupling_bench.executors.ray import check
from coupling_bench.fingerprint import address
from coupling_bench.pipelines import NODES
from coupling_bench.store import Store
from tests.tiny import recipe

LONG = replace(recipe().base, max_steps=100_000)


def test_a_killed_worker_fails_its_stage_alone_with_one_sentence(tmp_path, monkeypatch):
    """The other worker goes on with its stage, and a new one takes the dead one's place."""
    monkeypatch.setattr(process, "PATIENCE", 0.2)  # the stage that goes on has no end
    store, other = Store(tmp_path), replace(LONG, seed=1)
    begun = {address(LONG): threading.Event(), address(other): threading.Event()}

    def hear(message):
        begun.get(message.address, threading.Event()).set()

    executor = open_executor("process", store, 2, hear)
    try:
        dying = executor.submit(LONG)
        assert begun[address(LONG)].wait(120)
        living = executor.submit(other)
        os.kill(executor._open[0].process.pid, signal.SIGKILL)
        error = dying.exception(timeout=60)
        assert "ended by SIGKILL from outside, perhaps for want of memory" in str(error)
        assert store.find(LONG) is None
        assert executor.submit(recipe().base).result(timeout=120) is True
        assert begun[address(other)].wait(120)
        assert not living.done()
    finally:
        executor.close()


@pytest.mark.parametrize("name", ["inline", "process"])
def test_an_error_in_a_stage_arrives_as_it_was_raised(name, tmp_path):
    executor = open_executor(name, Store(tmp_path), 1, lambda message: None)
    try:
        error = executor.submit(replace(recipe().base, max_length=3)).exception(timeout=120)
    finally:
        executor.close()
    assert isinstance(error, ValueError)
    assert "the limit is 3" in str(error)


def test_each_entry_has_a_process_of_its_own_where_memory_is_to_be_given_back(tmp_path):
    """As on a GPU: it has ended when the entry is done. Else one worker makes one after another."""
    for fresh, most in ((True, 0), (False, 1)):
        store = Store(tmp_path / str(fresh))
        executor = open_executor("process", store, 1, lambda message: None, fresh=fresh)
        try:
            for spec in (recipe().base, NODES["sft"](recipe(), 0)):
                assert executor.submit(spec).result() is True
                assert len(multiprocessing.active_children()) == most
        finally:
            executor.close()


def test_an_entry_of_its_own_process_fails_with_its_own_sentence(tmp_path):
    executor = open_executor("process", Store(tmp_path), 1, lambda message: None, fresh=True)
    future = executor.submit(replace(recipe().base, max_length=3))
    assert "the limit is 3" in str(future.exception(timeout=120))
    executor.close()


class Fickle:
    """A worker whose start fails once."""

    def __init__(self, settings):
        FAILS.append(self)
        if len(FAILS) == 1:
            raise OSError("no more processes")
        self.messages, theirs = multiprocessing.Pipe(duplex=False)
        theirs.close()
        self.process = self

    def is_alive(self):
        return True

    def make(self, spec, store):
        return True

    def dismiss(self, wait=False):
        pass

    end = dismiss


FAILS = []


def test_a_worker_that_cannot_be_started_fails_its_stage_and_blocks_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "_Worker", Fickle)
    executor = open_executor("process", Store(tmp_path), 1, lambda message: None, fresh=True)
    first, second = (executor.submit(LONG) for _ in range(2))
    assert "no more processes" in str(first.exception(timeout=10))
    assert second.result(timeout=10) is True
    executor.close()


def test_a_listener_that_fails_keeps_no_worker_waiting(tmp_path):
    told = []

    def fail(message):
        told.append(message)
        raise BrokenPipeError

    here, there = multiprocessing.Pipe(duplex=False)
    executor = object.__new__(process.ProcessExecutor)
    executor._heard, executor._listener = threading.Lock(), fail
    for number in range(3):
        there.send(number)
    there.close()
    executor._listen(here)
    assert told == [0, 1, 2]


def test_a_worker_ended_by_sigterm_is_a_sentence(monkeypatch):
    worker = object.__new__(process._Worker)
    worker._pool = Pool()
    with pytest.raises(ChildProcessError, match="ended by SIGTERM"):
        worker.make(LONG, Store("."))


class Pool:
    """Of one worker, whose stage leaves as SIGTERM makes it."""

    def submit(self, *_):
        outcome = Future()
        outcome.set_exception(SystemExit(1))
        return outcome

    def shutdown(self, **_):
        pass


def test_without_ray_one_sentence_names_the_extra(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "ray" else find(name, *a)
    )
    with pytest.raises(ValueError, match=r"pip install 'coupling-bench\[ray\]'"):
        check()
