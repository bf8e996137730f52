"""The display of a run: drawn for somebody who looks, and never wider than the terminal."""

import io
import re
import time
from types import SimpleNamespace

import pytest

from coupling_bench import live
from coupling_bench.console import Console
from coupling_bench.fingerprint import address
from coupling_bench.pipelines import NODES, observations
from coupling_bench.planning.course import Course
from coupling_bench.progress import Progress
from coupling_bench.store import Store
from tests.tiny import recipe

RECIPE = recipe()
STAGES = [RECIPE.base, NODES["sft"](RECIPE, 0), NODES["sft_then_rl"](RECIPE, 2)]
LABELS = {
    address(RECIPE.base): "embedded: base",
    address(STAGES[1]): "embedded: sft, seed 0",
    address(STAGES[2]): "embedded: sft_then_rl_with_a_name_that_is_long, seed 2",
}
TERMINAL = SimpleNamespace(isatty=True)


@pytest.mark.parametrize(
    ("terminal", "verbosity", "environ", "wanted"),
    [
        (TERMINAL, 0, {"TERM": "xterm"}, True),
        (TERMINAL, 1, {}, True),
        (TERMINAL, -1, {}, False),
        (TERMINAL, 0, {"CI": "true"}, False),
        (TERMINAL, 0, {"TERM": "dumb"}, False),
        (SimpleNamespace(isatty=False), 0, {}, False),
        (None, 0, {}, False),  # a worker of xdist
    ],
)
def test_it_is_drawn_where_somebody_looks(terminal, verbosity, environ, wanted):
    assert live.wanted(terminal, verbosity, environ) is wanted


def display(tmp_path, width):
    """A display on a screen of text, its clock a list of one number."""
    now = [0.0]
    course = Course(STAGES, STAGES, Store(tmp_path), 2, clock=lambda: now[0])
    screen = live.screen_of(io.StringIO(), colour=False)
    screen.size = (width, 20)
    return now, live.Display(course, LABELS, screen)


def drawn(shown):
    with shown.screen.capture() as captured:
        shown.screen.print(shown.render())
    return re.sub(r"\x1b\[[0-9;]*m", "", captured.get()).splitlines()


@pytest.mark.parametrize("width", [120, 80, 40])
def test_a_line_of_the_whole_and_a_line_for_each_stage_at_work(tmp_path, width):
    now, shown = display(tmp_path, width)
    for second, step in ((0.0, 10), (30.0, 40)):
        now[0] = second
        for stage in STAGES[1:]:
            values = (("loss", 0.5), ("reward", 0.25))
            shown.course.progress(
                Progress(address=address(stage), step=step, total=160, values=values)
            )
    head, first, second = drawn(shown)
    assert all(len(line) <= width for line in (head, first, second))
    assert head.startswith("0/3 stages  time left: at least 2 min")
    assert first.startswith("sft, seed 0")
    assert second.startswith("sft_then_rl_wit")
    for line in (first, second):
        assert "40/160" in line
        assert line.rstrip().endswith("2 min left")
        assert ("reward 0.250" in line) == (width >= live.WITH_VALUES)


def test_the_console_counts_stages_and_prints_notes_and_failures_above(tmp_path):
    _, shown = display(tmp_path, 80)
    console = Console(None, LABELS)
    console.display, console.store = shown, Store(tmp_path)
    log = console.store.failure(STAGES[1]) / "stage.log"
    log.parent.mkdir(parents=True)
    log.touch()
    console.progress(Progress(address=address(STAGES[1]), step=0, total=0, note="slower code."))
    console.progress(Progress(address=address(STAGES[0]), step=3, total=9))
    console.finished(STAGES[0], None)
    console.finished(STAGES[1], ValueError("a row is too long"))
    text = shown.screen.file.getvalue()
    assert "embedded: sft, seed 0: slower code." in text
    assert f"FAILED {address(STAGES[1])}: a row is too long" in text
    assert f"Its log: {log}" in text
    assert "base" not in text
    assert drawn(shown)[0].startswith("1/3 stages  time left: -  1 failed")


def test_many_short_observations_in_a_row_are_heard_of_in_plain_lines(monkeypatch):
    said, now = [], [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    seen = next(iter(observations(STAGES[1], 0)))
    terminal = SimpleNamespace(ensure_newline=lambda: None, write_line=said.append)
    console = Console(terminal, {address(seen): "embedded: sft, seed 0, observed on held_out"})
    for now[0] in (110.0, 114.0, 116.0, 120.0, 130.0, 132.0):
        console.finished(seen, None)
    times = [line.split(" s]")[0].split()[-1] for line in said]
    assert times == ["16", "32"]  # no two within 15 seconds


def test_ctrl_c_leaves_the_terminal_clean_and_says_what_was_trained(tmp_path, capsys, monkeypatch):
    said = []
    terminal = SimpleNamespace(
        isatty=True, ensure_newline=lambda: None, write_line=lambda text: said.append(text),
        config=SimpleNamespace(get_terminal_writer=lambda: SimpleNamespace(hasmarkup=True)),
    )  # fmt: skip
    bench = SimpleNamespace(store=Store(tmp_path), executor="process", workers=2)
    console = Console(terminal, LABELS)
    monkeypatch.setattr(live, "wanted", lambda *_: True)
    following = console.following(STAGES, STAGES, bench)
    with pytest.raises(KeyboardInterrupt), following:
        raise KeyboardInterrupt
    written = capsys.readouterr().out
    assert "0/3 stages" in written
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")
    assert said == ["coupling_bench: 0 stages trained in 0 s"]


def test_what_is_drawn_is_gone_at_the_end_and_the_cursor_there(tmp_path):
    _, shown = display(tmp_path, 80)
    shown.open()
    shown.close()
    written = shown.screen.file.getvalue()
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")
    assert written.count("\x1b[?25h") == 2  # at once, and at the end
