"""pytest's own options, on suites small enough to train nothing: what users of pytest expect."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd
import pytest

from tests import commands

ROOT = Path(__file__).parents[1]
SUITE = """
import pytest
from coupling_bench import recording
from coupling_bench.theorems import theorem

FOUND = {
    "cites": "Eq. 11", "model": "embedded", "task": "grammar", "scale": "small", "nodes": [],
    "recipe": "r", "outcome": "passed", "verdict": "supported", "reversed": False,
    "accepted": None, "effect": 0.25, "interval": [0.2, None], "margin": 0.02,
    "direction": "increase_by", "unit": "nats", "alpha": 0.05, "seeds": [0, 1],
    "per_seed": [0.2, 0.3], "smallest_detectable_effect": 0.1, "seeds_needed": None,
    "p_value": 0.01, "requires": [], "beside": [], "message": "",
}

@pytest.mark.parametrize("name", ["first", "second", "third"])
def test_claims(request, name):
    row = FOUND | {"claim": f"the {name} \\N{GREEK SMALL LETTER BETA} rises", "test": name}
    recording.add(request.node, "claims", [row])
    assert name != "second", "the second is refuted"

@theorem("squares are not negative", cites="derived")
def test_squares(check):
    check([0.0, 1.0, 4.0], tolerance=0.0, unit="")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with three claims, the second of which fails, and a theorem."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "test_them.py").write_text(SUITE)
    (folder / "suites").mkdir()
    (folder / "suites" / "models.toml").write_text((ROOT / "suites" / "models.toml").read_text())
    return folder


OPTIONS = ("-p", "coupling_bench.plugin", "--rootdir", ".", "-p", "no:benchmark")


def run(place, reports, *arguments):
    """Run pytest on the place, whatever terminal or CI these tests run in."""
    return commands.run(
        "pytest", *OPTIONS, "--reports", reports, "--store", "store", *arguments, cwd=place,
        PYTHONPATH=str(ROOT), NO_COLOR="", FORCE_COLOR="", CI="",
    )  # fmt: skip


def run_anew(place, reports, *arguments, **environment):
    """The same in an interpreter of its own, whose streams are opened as its environment says."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "CI")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, "--reports", str(reports), "--store", "store",
         *arguments],
        cwd=place, capture_output=True, text=True, encoding="utf-8",
        env=kept | {"PYTHONPATH": str(ROOT)} | environment,
    )  # fmt: skip


def record(reports):
    return json.loads((reports / "record.json").read_text())


@pytest.fixture(scope="module")
def whole(place, tmp_path_factory):
    """A run of all tests, its claims in JUnit's XML too."""
    reports = tmp_path_factory.mktemp("whole")
    return run(place, reports, f"--junitxml={reports / 'junit.xml'}"), reports


def test_junit_has_each_claims_verdict_effect_and_interval(whole):
    _, reports = whole
    cases = ET.parse(reports / "junit.xml").getroot().iter("testcase")
    said = {case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
            for case in cases}  # fmt: skip
    assert said["test_claims[second]"]["claim"] == "the second β rises"
    for of_claim in (said[f"test_claims[{name}]"] for name in ("first", "second", "third")):
        assert of_claim["verdict"] == "supported"
        assert float(of_claim["effect"]) == 0.25
        assert json.loads(of_claim["interval"]) == [0.2, None]
        assert json.loads(of_claim["per_seed"]) == [0.2, 0.3]
    assert said["test_squares"]["theorem"] == "squares are not negative"
    assert said["test_squares"]["violations"] == "0"


def test_a_whole_run_says_nothing_of_a_part_and_shows_no_colour_in_a_pipe(whole):
    done, reports = whole
    assert done.returncode == 1
    assert record(reports)["environment"]["partial"] is None
    assert "PARTIAL" not in done.stdout
    assert "\x1b[" not in done.stdout
    assert "verdicts: embedded on grammar, small" in done.stdout
    assert "1 hold, 0 are false as declared" in done.stdout
    assert f"Report: {reports / 'index.html'}" in done.stdout


def test_x_leaves_a_report_that_says_it_is_a_part_in_the_signs_of_the_stream(place, tmp_path):
    done = run_anew(place, tmp_path, "-x", "--color=yes", "--no-header", PYTHONIOENCODING="ascii",
                    PYTHONUTF8="0")  # fmt: skip
    assert "PARTIAL: stopping after 1 failures; 2 of 4 tests ran" in done.stdout
    assert record(tmp_path)["environment"]["partial"].startswith("stopping after 1 failures")
    assert (tmp_path / "index.html").is_file()
    assert "\x1b[32msupported" in done.stdout
    assert "rootdir" not in done.stdout
    assert "the first beta rises" in done.stdout


def test_collection_writes_nothing(place, tmp_path):
    done = run(place, tmp_path, "--collect-only", "-q")
    assert done.returncode == 0
    assert "test_claims[third]" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert not (place / "store").exists()


def test_without_a_summary_the_report_is_still_named_and_k_has_chosen(place, tmp_path):
    done = run(place, tmp_path, "--no-summary", "-k", "third")
    assert "verdicts" not in done.stdout
    assert "Report: " in done.stdout
    assert record(tmp_path)["claims"][0]["claim"] == "the third β rises"


INTERRUPTED = """
def stop(*_):
    raise KeyboardInterrupt
def pytest_collection_finish():
    from coupling_bench import preparing
    preparing.run_graph = stop
"""


def test_ctrl_c_says_what_is_kept_and_how_to_go_on(tmp_path):
    (tmp_path / "interrupted.py").write_text(INTERRUPTED)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "suites/test_rl_after_sft_raises_the_sft_loss.py", "-p",
         "interrupted", "--scale", "smoke", "--store", str(tmp_path / "store"), "--reports",
         str(tmp_path / "reports"), "--executor", "inline", "-p", "no:cacheprovider"],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.INTERRUPTED
    assert "INTERRUPTED: 0 of 7 stages are finished and kept in" in done.stdout
    assert "The same command goes on from there." in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_other_packages_are_refused_before_anything_is_made(place, tmp_path):
    (place / "requirements.lock").write_text("numpy==0.1\n")
    try:
        done = run(place, tmp_path, "--strict-env")
    finally:
        (place / "requirements.lock").unlink()
    assert done.returncode == 4
    assert "numpy " in done.stderr
    assert "(pinned 0.1). Install the pins: python -m pip install -r" in done.stderr
    assert list(tmp_path.iterdir()) == []


ONE_LINE = 'pd.DataFrame(pd.read_json("reports/latest/record.json", typ="series").claims)'
"""As the documentation has it."""


def test_a_record_loads_in_one_line(whole, monkeypatch, tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "latest").symlink_to(whole[1])
    monkeypatch.chdir(tmp_path)
    frame = eval(ONE_LINE, {"pd": pd})
    written = record(whole[1])["claims"]
    assert list(frame["claim"]) == [found["claim"] for found in written]
    assert list(frame["effect"]) == [0.25] * 3
    assert list(frame["per_seed"][2]) == pytest.approx([0.2, 0.3])
