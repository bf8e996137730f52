"""One maker a key, over processes and machines: a dead one's claim is taken, a live one's never.

Another machine is a process with another host name on the same file system.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest

from coupling_bench.store import single_flight
from coupling_bench.store.single_flight import LostError, claim, in_progress, read_owner

LEASE = 1.5
HOLD = f"""
import sys
from pathlib import Path
from coupling_bench.store import single_flight
single_flight.LEASE_SECONDS = {LEASE}
with single_flight.claim(Path(sys.argv[1]), "key", lambda owner: None) as held:
    print("held", flush=True)
    sys.stdin.readline()
    held.check()
    print("held to the end", flush=True)
"""
ELSEWHERE = ["unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh"]


@pytest.fixture(autouse=True)
def short_lease(monkeypatch):
    monkeypatch.setattr(single_flight, "LEASE_SECONDS", LEASE)


class Stop(Exception):
    """Ends a wait."""


@contextlib.contextmanager
def held_by_another(locks, *, elsewhere=False):
    """A process that holds the key until it is told to let go."""
    command = [*(ELSEWHERE if elsewhere else ()), sys.executable, "-c", HOLD, str(locks)]
    other = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        if other.stdout.readline() != "held\n":
            pytest.skip("a process with another host name cannot be started: this needs to be root")
        yield other
    finally:
        other.kill()
        other.communicate()


def attempt(locks, seconds=1.7 * LEASE):
    """Return for whom a claim waited, or None if it was had before ``seconds`` were over."""
    waited, ends = [], time.monotonic() + seconds

    def wait(owner):
        waited.append(owner)
        if time.monotonic() > ends:
            raise Stop

    try:
        with claim(locks, "key", wait):
            return None
    except Stop:
        return waited[-1]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_live_owner_keeps_its_claim_however_long_it_works(tmp_path, elsewhere):
    with held_by_another(tmp_path, elsewhere=elsewhere) as other:
        owner = attempt(tmp_path)
        assert (owner.process == other.pid) or elsewhere
        assert (owner.host == "elsewhere") == elsewhere
        assert in_progress(tmp_path, "key")
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "held to the end\n"
        assert attempt(tmp_path) is None
    assert not in_progress(tmp_path, "key")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_killed_owners_claim_is_taken_over(tmp_path, elsewhere):
    with held_by_another(tmp_path, elsewhere=elsewhere) as other:
        other.kill()
        other.wait()
        assert attempt(tmp_path, 10 * LEASE) is None


def test_a_stopped_process_of_this_machine_is_alive_and_keeps_its_claim(tmp_path):
    """Its heart does not beat, and it may go on at any time: a lease alone would take it."""
    with held_by_another(tmp_path) as other:
        os.kill(other.pid, signal.SIGSTOP)
        assert attempt(tmp_path).process == other.pid
        assert in_progress(tmp_path, "key")
        os.kill(other.pid, signal.SIGCONT)
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "held to the end\n"


def test_another_process_with_the_number_of_a_dead_owner_is_not_taken_for_it(tmp_path):
    with held_by_another(tmp_path) as other:
        owner = read_owner(tmp_path, "key")
        assert owner.process == other.pid and owner.lives is True
        assert replace(owner, began="1").lives is False
        other.kill()
        other.wait()
        assert owner.lives is False


def test_a_process_of_another_system_is_not_asked_for_by_its_number(tmp_path):
    """A container of the same host name has process ids of its own, and so has another boot."""
    with held_by_another(tmp_path) as other:
        owner = replace(read_owner(tmp_path, "key"), system="another")
        assert owner.process == other.pid and owner.lives is None
        (tmp_path / "key.json").write_text(json.dumps(asdict(owner)))
        assert in_progress(tmp_path, "key")  # its heart has just beaten


def test_an_owner_that_was_taken_for_dead_learns_it_and_keeps_nothing(tmp_path):
    """A machine that froze for longer than the lease: another one has its claim now."""
    with held_by_another(tmp_path, elsewhere=True) as other:
        os.kill(other.pid, signal.SIGSTOP)
        assert attempt(tmp_path, 10 * LEASE) is None
        os.kill(other.pid, signal.SIGCONT)
        time.sleep(LEASE)  # two heartbeats, as many as it takes to be sure
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == ""  # it has raised


def test_a_claim_is_lost_to_whoever_has_written_that_he_holds_it_and_not_by_a_skipped_beat(
    tmp_path,
):
    with claim(tmp_path, "key", pytest.fail) as held:
        held.lose()
        held.check()
        owner = replace(read_owner(tmp_path, "key"), process=1)
        (tmp_path / "key.json").write_text(json.dumps(asdict(owner)))
        with pytest.raises(LostError, match=r"process 1 on .* has taken it over"):
            held.check()
    assert read_owner(tmp_path, "key") == owner  # it is not ours to take away


def test_a_damaged_note_of_the_owner_keeps_nobody_waiting(tmp_path):
    (tmp_path / "key.json").write_text("{")
    assert attempt(tmp_path) is None
