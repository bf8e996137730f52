"""Executors: a killed worker is one sentence, and an error keeps its own."""

import os
import signal
import time
from dataclasses import replace

import pytest

from coupling_bench.executors import open_executor
from coupling_bench.executors.process import KILLED
from coupling_bench.store import Store
from tests.tiny import recipe

LONG = replace(recipe().base, max_steps=100_000)


def test_a_killed_worker_fails_its_stage_and_what_comes_after_with_one_sentence(tmp_path):
    messages = []
    executor = open_executor("process", Store(tmp_path), 1, messages.append)
    try:
        future = executor.submit(LONG)
        deadline = time.monotonic() + 120
        while not messages and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in executor._pool._processes:
            os.kill(pid, signal.SIGKILL)
        assert str(future.exception(timeout=60)) == KILLED
        assert str(executor.submit(LONG).exception(timeout=60)) == KILLED
    finally:
        executor.close()
    assert Store(tmp_path).find(LONG) is None
    assert messages[0].total == 100_000


@pytest.mark.parametrize("name", ["inline", "process"])
def test_an_error_in_a_stage_arrives_as_it_was_raised(name, tmp_path):
    executor = open_executor(name, Store(tmp_path), 1, lambda message: None)
    try:
        error = executor.submit(replace(recipe().base, max_length=3)).exception(timeout=120)
    finally:
        executor.close()
    assert isinstance(error, ValueError)
    assert "the limit is 3" in str(error)
