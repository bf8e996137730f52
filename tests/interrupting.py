"""Attempts at a stage that die at a moment of choice, and what they leave behind."""

import hashlib
import importlib
import random
import shutil
from pathlib import Path

import torch

from coupling_bench import progress
from coupling_bench.stages import RUNNERS, unfinished
from coupling_bench.store import UNFINISHED


class Killed(Exception):
    """What stands here for the end of the process: nothing of ours catches it."""


def attempt(spec, start, folder):
    """Make the files of ``spec``; return its facts and what it told the user."""
    notes = []
    folder.mkdir(exist_ok=True)
    torch.set_num_threads(spec.threads)
    before = progress._listener

    def listener(message):
        if message.note:
            notes.append(message.note)
        if before is not None:
            before(message)

    progress.listen(listener)
    try:
        facts = importlib.import_module(RUNNERS[type(spec).__name__]).run(spec, start, folder)
    finally:
        progress.listen(before)
    shutil.rmtree(folder / UNFINISHED, ignore_errors=True)  # as the store does
    return facts, notes


def die(spec, start, folder, monkeypatch, *, moment, number, saves):
    """Let an attempt die; return its facts if it has ended before, else None.

    Args:
        spec: of the stage.
        start: folder that it starts from.
        folder: to write into.
        monkeypatch: pytest's.
        moment: ``step``: when step ``number`` is logged; ``writing``: when the files of checkpoint
            ``number`` are there and its marker is not; ``deleting``: when the one before is still.
        number: which, from 1 on.
        saves: ``saves()`` says whether a checkpoint is written after a step.
    """
    count = {"writing": 0, "deleting": 0}

    def now(which):
        count[which] += 1
        if which == moment and count[which] == number:
            raise Killed

    def listener(message):
        if moment == "step" and not message.note and message.step == number:
            raise Killed

    write, delete = unfinished._write, shutil.rmtree
    with monkeypatch.context() as patch:
        patch.setattr(unfinished.Unfinished, "due", lambda self: saves())
        patch.setattr(unfinished, "_write", lambda *args: (now("writing"), write(*args)))
        patch.setattr(
            unfinished.shutil, "rmtree", lambda *args, **k: (now("deleting"), delete(*args, **k))
        )
        progress.listen(listener)
        try:
            return attempt(spec, start, folder)[0]
        except Killed:
            return None
        finally:
            progress.listen(None)


def with_deaths(spec, start, folder, monkeypatch, draw: random.Random, steps: int, most: int = 2):
    """Make the files of ``spec`` in attempts that die at random moments, ``most`` at most.

    Returns:
        The facts of the attempt that came to its end, and how many died.
    """
    for deaths in range(most):
        moment = draw.choice(["step", "writing", "deleting"]) if deaths else "step"
        facts = die(
            spec, start, folder, monkeypatch, moment=moment,
            number=draw.randint(2, steps) if moment == "step" else draw.randint(1, 3),
            saves=lambda: draw.random() < 0.6,
        )  # fmt: skip
        if facts is not None:
            return facts, deaths
    return attempt(spec, start, folder)[0], most


def files(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file of an entry, links as where they lead."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
