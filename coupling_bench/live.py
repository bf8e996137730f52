"""A run on a real terminal: one line of the whole graph, and a bar for each stage at work."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

import pytest
from rich.console import Console as Screen
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from coupling_bench.planning.course import Course
from coupling_bench.planning.schedules import duration
from coupling_bench.progress import Progress

REFRESHES = 4
"""A second."""
WITH_VALUES, WITH_BAR = 60, 90
"""Columns of a terminal from which on there is room for a stage's loss, and for a bar."""


def wanted(
    terminal: pytest.TerminalReporter | None,
    verbosity: int,
    environ: Mapping[str, str] = os.environ,
) -> bool:
    """Say whether somebody looks who wants to see it: not in CI, in a pipe, in xdist's workers."""
    looked_at = terminal is not None and bool(terminal.isatty) and verbosity >= 0
    dumb = environ.get("TERM", "").lower() in ("dumb", "unknown")
    return looked_at and not dumb and not environ.get("CI")


class Display:
    """Draws a ``Course`` below whatever else is printed, and is gone when it is closed."""

    def __init__(self, course: Course, labels: Mapping[str, str], screen: Screen):
        """Draw on ``screen``; ``labels`` gives nodes' addresses in words."""
        self.course, self.screen = course, screen
        models = {label.partition(": ")[0] for label in labels.values()}
        common = f"{models.pop()}: " if len(models) == 1 else ""
        self.labels = {name: label.removeprefix(common) for name, label in labels.items()}
        self._live = Live(
            get_renderable=self.render,
            console=screen,
            refresh_per_second=REFRESHES,
            transient=True,
            redirect_stdout=False,  # pytest writes elsewhere meanwhile, and stages to their logs
            redirect_stderr=False,
        )

    def open(self) -> None:
        """Begin to draw. The cursor stays, so that it is there however the process ends."""
        self._live.start()
        self.screen.show_cursor(True)

    def close(self) -> None:
        """Wipe out what is drawn."""
        self._live.stop()

    def print(self, text: str, style: str = "") -> None:
        """Write a line above what is drawn."""
        self.screen.print(Text(text, style=style), soft_wrap=True)

    def render(self) -> Group:
        """Return what is drawn now."""
        width = self.screen.width
        rows = Table.grid(padding=(0, 2, 0, 0))
        rows.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        for _ in range(2 + (width >= WITH_VALUES) + (width >= WITH_BAR)):
            rows.add_column(justify="right", no_wrap=True)
        rows.expand = True
        for name, running in sorted(self.course.running.items(), key=lambda item: item[1].begun):
            rows.add_row(*self._cells(name, running.last, width))
        if not (self.course.running or self.course.made):
            return Group(self._header(width), Text("workers start, and import torch"))
        return Group(self._header(width), rows)

    def _header(self, width: int) -> Text:
        """Return the state of the graph in as many words as there is room for."""
        course = self.course
        done = course.stored + course.made
        parts = [f"{done}/{course.stages} stages", f"time left: {course.left()}"]
        if course.failed:
            parts.append(f"{course.failed} failed")
        parts.append(f"{duration(course.clock() - course.started)} elapsed")
        if course.stored:
            parts.append(f"{course.stored} were in the store")
        while len(parts) > 1 and len("  ".join(parts)) >= width:
            parts.pop()
        return Text("  ".join(parts), style="bold", no_wrap=True, overflow="ellipsis")

    def _cells(self, name: str, last: Progress, width: int) -> list[Text | ProgressBar]:
        left = self.course.left_of(name)
        cells: list[Text | ProgressBar] = [Text(self.labels.get(name, name))]
        if width >= WITH_BAR:
            cells.append(ProgressBar(total=max(last.total, 1), completed=last.step, width=20))
        cells.append(Text(f"{last.step}/{last.total}"))
        if width >= WITH_VALUES:
            cells.append(Text(", ".join(f"{n} {value:.3f}" for n, value in last.values[-1:])))
        cells.append(Text("-" if left is None else f"{duration(left)} left"))
        return cells


def screen_of(file: TextIO, colour: bool) -> Screen:
    """Return a terminal to draw on, as wide as it is at each time."""
    return Screen(
        file=file, force_terminal=True, no_color=not colour, highlight=False, markup=False,
        emoji=False,
    )  # fmt: skip
