"""The log of a stage: all that is said meanwhile, bounded, whatever becomes of the stage."""

import logging
import multiprocessing
import os
import shutil
import sys
import warnings

import pytest

from coupling_bench import progress, stage_log
from coupling_bench.fingerprint import address
from coupling_bench.progress import Progress
from coupling_bench.store import Store
from tests.tiny import recipe


def noise():
    print("printed")
    print("a bar at 10 %\ra bar at 90 %", file=sys.stderr)
    logging.getLogger("library").warning("logged %s", "so")
    progress.tell(Progress(address="A-1", step=3, total=9, values=(("loss", 0.25),)))
    progress.tell(Progress(address="A-1", step=0, total=0, note="a note"))


def said(path):
    """The lines of a log without their time, which each begins with."""
    return [line[20:] for line in path.read_text().splitlines()]


def test_what_is_printed_logged_and_told_stands_in_the_log_and_still_on_the_terminal(
    tmp_path, capsys
):
    for _ in range(2):  # a stage that is taken up again goes on with its log
        with stage_log.kept("A-1", tmp_path):
            noise()
    lines = said(tmp_path / stage_log.NAME)
    for line in ("printed", "a bar at 90 %", "WARNING library: logged so", "a note"):
        assert lines.count(line) == 2, line
    assert lines.count("step 3/9, loss 0.25") == 2
    assert "printed" in capsys.readouterr().out
    assert not any(isinstance(h, stage_log._Handler) for h in logging.root.handlers)


def in_a_worker(folder):
    os.write(1, b"before\n")
    with stage_log.kept("A-1", folder):
        noise()
        warnings.warn("warned", stacklevel=1)
        os.write(2, b"not Python's\n")


def test_a_worker_says_all_of_it_to_the_log_alone(tmp_path, capfd):
    worker = multiprocessing.get_context("spawn").Process(target=in_a_worker, args=(tmp_path,))
    worker.start()
    worker.join()
    text = (tmp_path / stage_log.NAME).read_text()
    for line in ("printed", "a bar at 90 %", "logged so", "UserWarning: warned", "not Python's"):
        assert f"{line}\n" in text
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("before\n", "")


def test_a_failure_stands_in_the_log_with_its_traceback_and_the_store_keeps_it(tmp_path):
    store, spec = Store(tmp_path), recipe().base

    def fail(folder):
        with stage_log.kept(address(spec), folder):
            print("printed")
            raise ZeroDivisionError("by zero")

    with pytest.raises(ZeroDivisionError):
        store.get_or_make(spec, fail)
    log = store.failure(spec) / stage_log.NAME
    assert "\nZeroDivisionError: by zero\n" in log.read_text()
    assert "printed" in said(log)


def test_a_log_is_bounded_and_a_folder_that_vanishes_stops_nothing(tmp_path):
    with stage_log.kept("A-1", tmp_path):
        for step in range(1, 10_001):
            progress.tell(Progress(address="A-1", step=step, total=10_000))
    steps = [line for line in said(tmp_path / stage_log.NAME) if line.startswith("step")]
    assert len(steps) <= stage_log.STEPS_TOLD + 1
    assert steps[-1] == "step 10000/10000"
    with stage_log.kept("A-1", tmp_path / "never"):
        print("printed")
    (tmp_path / "gone").mkdir()
    with stage_log.kept("A-1", tmp_path / "gone"):
        shutil.rmtree(tmp_path / "gone")
        sys.stdout.write("x" * stage_log.MOST_BYTES * 3 + "\nmore\n")
