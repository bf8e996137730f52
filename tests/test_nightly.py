"""Workflows and the night's scripts: what they call exists, and what they keep is kept."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from _pytest.config import get_config

from coupling_bench import cli
from suites.conftest import ASKED_FOR

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = [ROOT / ".ci" / "nightly", ROOT / ".ci" / "run", *(ROOT / ".github").glob("*.sh")]
OPERATORS = {"||", "&&", "|", ";", ">", ">>", "<", "then", "fi", "do", "done"}


def workflow(path):
    found = yaml.safe_load(path.read_text())
    found["on"] = found.pop(True)  # YAML 1.1 takes the word for a truth value
    return found


def steps(path):
    return [step for job in workflow(path)["jobs"].values() for step in job["steps"]]


def commands(text):
    """The simple commands of a shell text, as words."""
    text = re.sub(r"\\\n\s*", " ", text)
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        try:
            words = shlex.split(line)
        except ValueError:  # a quotation over several lines, which calls nothing of ours
            continue
        command = []
        for word in [*words, ";"]:
            if word.rstrip(";") in OPERATORS or word == ";":
                if command:
                    yield command
                command = []
            else:
                command.append(word.rstrip(";"))


def texts():
    """Each shell text of ours with the place where it stands."""
    for path in WORKFLOWS:
        yield from ((path, step["run"]) for step in steps(path) if "run" in step)
    yield from ((path, path.read_text()) for path in SCRIPTS)


CALLS = [(path.name, command) for path, text in texts() for command in commands(text)]


def called(program):
    """The words after ``program`` wherever it is called."""
    return [
        pytest.param(words[words.index(part) + 1 :], id=f"{name}-{number}")
        for number, (name, words) in enumerate(CALLS)
        for part in words[:3]
        if part.endswith(program)
    ]


def targets():
    return set(re.findall(r"^([\w./]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("words", called("make"))
def test_every_target_of_make_is_there_and_its_options_are_pytests(words):
    known = {*targets(), ".venv/.installed"}
    named = [word for word in words if "=" not in word]
    assert named
    assert set(named) <= known
    for word in words:
        if word.startswith("ARGS="):
            check_pytest(shlex.split(word.removeprefix("ARGS=")))


@pytest.mark.parametrize("words", called("pytest"))
def test_every_option_of_pytest_is_one(words):
    check_pytest(words)


def check_pytest(words):
    config = get_config()
    config.pluginmanager.load_setuptools_entrypoints("pytest11")
    config.pluginmanager.import_plugin("coupling_bench.plugin")
    words = [word for word in words if word != "$@"]
    _, unknown = config._parser.parse_known_and_unknown_args(words)
    assert unknown == []


@pytest.mark.parametrize("words", called("coupling-bench"))
def test_every_command_of_coupling_bench_takes_what_it_is_given(words):
    words = [word for word in words if not word.startswith("${")]  # options that may be there
    cli.parser().parse_args(words)  # leaves with status 2 if it would not


def test_the_scripts_call_what_the_nightly_needs():
    """Otherwise the tests above would hold of nothing."""
    ours = {words[0].values[0][0] for words in [[p] for p in called("coupling-bench")]}
    assert {"compare", "history", "report"} <= ours
    assert len(called("pytest")) >= 2
    assert len(called("make")) >= 4


def test_a_night_runs_every_folder_that_the_reference_has_seeds_of():
    """``pytest suites`` leaves some out; a night that forgot one would be red for ever."""
    seeds = (ROOT / "reports" / "reference" / "seeds").glob("*.json")
    tests = {row["test"] for file in seeds for row in json.loads(file.read_text())["claims"]}
    by_path = {test.split("/")[1] for test in tests} & set(ASKED_FOR)
    asked = (ROOT / ".ci" / "nightly").read_text()
    assert by_path and all(f"pytest suites suites/{folder} " in asked for folder in by_path)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_read_alone_unless_a_job_says_otherwise_end_and_pin_what_they_use(path):
    found = workflow(path)
    assert found["permissions"] == {"contents": "read"}
    assert found["concurrency"]["group"]
    for job in found["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 1440
        needed = job.get("needs", [])
        assert set([needed] if isinstance(needed, str) else needed) <= set(found["jobs"])
        writes = "write" in job.get("permissions", {}).values()
        runs = "\n".join(step.get("run", "") for step in job["steps"])
        if writes:  # a token that may write is given to no job that runs what is tested
            assert not re.search(r"make|pytest|coupling-bench|\.ci/", runs)
    for step in steps(path):
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])
        for script in re.findall(r"(?:^|\s)(\.(?:github|ci)/[\w.]+)", step.get("run", "")):
            assert (ROOT / script).stat().st_mode & 0o111, f"{script} is not executable"


def test_each_kind_of_night_uploads_what_it_found_and_writes_the_summary():
    for path in WORKFLOWS:
        text = path.read_text()
        assert "actions/upload-artifact" in text
        assert "GITHUB_STEP_SUMMARY" in text
        assert "junit" in text or ".ci/nightly" in text
    assert '--junitxml "$reports/junit.xml"' in (ROOT / ".ci" / "nightly").read_text()


PYTHON = """#!/usr/bin/env bash
if [ "$2" = pytest ]; then
  if [ "$3" = suites/perf ]; then echo "perf $7" >> asked; exit "$PERF"; fi
  if [ -n "$RECORD" ]; then echo "$RECORD" > reports/nightly/record.json; fi
  exit "$SUITES"
fi
"""
BENCH = """#!/usr/bin/env bash
echo "$@" >> asked
case $1 in
  compare) echo "before and after" > reports/nightly/compare.md; exit "$GATE" ;;
  history) if [ -n "$2" ] && [ -n "${NO_HISTORY:-}" ]; then exit 2; fi ;;
  report)
    if [ -n "${NO_PAGE:-}" ]; then exit 1; fi
    mkdir -p reports/nightly/page; echo "the summary" > reports/nightly/page/summary.md ;;
esac
"""


@pytest.fixture
def night(tmp_path):
    """Run the script with stand-ins for what it calls; return its status and its summary."""
    for name, text in {
        ".ci/nightly": (ROOT / ".ci" / "nightly").read_text(),
        "bin/make": '#!/bin/sh\nexit "${MAKE_STATUS:-0}"\n',
        "bin/git": "#!/bin/sh\necho 1234567\n",
        ".venv/bin/python": PYTHON,
        ".venv/bin/coupling-bench": BENCH,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def run(suites=0, gate=0, record="{}", **environment):
        told = {"SUITES": str(suites), "GATE": str(gate), "RECORD": record, "PERF": "0"}
        path = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
        done = subprocess.run([tmp_path / ".ci" / "nightly"], env=told | path | environment)
        asked = (tmp_path / "asked").read_text().splitlines()
        (tmp_path / "asked").unlink()
        return done.returncode, (tmp_path / "reports/nightly/summary.md").read_text(), asked

    return run


@pytest.mark.parametrize(
    ("suites", "gate", "record", "status"),
    [
        (0, 0, "{}", 0),
        (1, 0, "{}", 0),  # a claim failed, and the gate calls it chance
        (0, 3, "{}", 3),
        (1, 5, "{}", 5),
        (2, 0, "{}", 7),
        (4, 0, "", 7),
        (4, 6, "", 7),
    ],
)
def test_a_night_ends_as_the_gate_says_and_is_never_green_for_want_of_data(
    suites, gate, record, status, night
):
    """Whatever happens there is a summary, before and after first."""
    found, summary, asked = night(suites, gate, record)
    assert found == status
    assert summary.startswith("before and after")
    assert ("There is no page/summary.md tonight." in summary) == (not record)
    assert summary.rstrip().endswith("commit 1234567.")
    assert any("history reports/history --add" in line for line in asked) == bool(record)


@pytest.mark.parametrize("broken", ["NO_PAGE", "NO_HISTORY"])
def test_what_cannot_be_drawn_or_kept_is_red_and_the_summary_is_there(broken, night):
    status, summary, _ = night(gate=5, **{broken: "1"})
    assert status == 7
    assert summary.startswith("before and after") and "gate 5, pages" in summary


def test_a_machine_that_cannot_install_is_infrastructure(night, tmp_path):
    with pytest.raises(FileNotFoundError):  # nothing was asked of the suites or the gate
        night(MAKE_STATUS="2")
    done = subprocess.run(
        [tmp_path / ".ci" / "nightly"],
        env={"MAKE_STATUS": "2", "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"},
    )
    assert done.returncode == 7


@pytest.mark.parametrize("folder", [".", "reports", "reports/history"])
def test_what_is_to_be_kept_is_not_emptied(folder, night, tmp_path):
    kept = tmp_path / "reports/history/monday.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    done = subprocess.run(
        [tmp_path / ".ci" / "nightly"], env=os.environ | {"NIGHTLY_REPORTS": folder}
    )
    assert done.returncode == 2 and kept.is_file()


def test_times_are_measured_again_where_something_is_slower_and_not_otherwise(night):
    _, _, asked = night(NIGHTLY_TIMES="1", PERF="0")
    assert [line for line in asked if "perf-2" in line] == []
    assert any(line.endswith("--times reports/nightly/perf-1") for line in asked)
    _, _, asked = night(NIGHTLY_TIMES="1", PERF="1")
    assert any("--times reports/nightly/perf-1 reports/nightly/perf-2" in line for line in asked)
    _, _, asked = night()
    assert not any("perf" in line for line in asked)


def test_a_night_has_seeds_of_its_own(night):
    """Below what --first-seed takes, above those of the suites and of the reference."""
    _, summary, _ = night()
    seed = int(re.search(r"First seed (\d+)", summary)[1])
    assert 200 <= seed <= 9999 - 5
    assert "First seed 7," in night(NIGHTLY_FIRST_SEED="7")[1]


@pytest.fixture
def gh(tmp_path):
    """A stand-in for GitHub's command: it writes down what it is asked, and knows open issues."""
    fake = tmp_path / "bin" / "gh"
    fake.parent.mkdir()
    fake.write_text(
        "#!/usr/bin/env bash\n"
        f'printf "%q " "$@" >> {tmp_path}/asked; echo >> {tmp_path}/asked\n'
        f'if [ "$1 $2" = "issue list" ]; then cat {tmp_path}/open; fi\n'
        'while [ $# -gt 0 ]; do if [ "$1" = --body-file ]; then '
        f'cat "$2" > {tmp_path}/body; fi; shift; done\n'
    )
    fake.chmod(0o755)

    def ask(result, body, number=""):
        (tmp_path / "asked").write_text("")
        (tmp_path / "open").write_text(number)
        subprocess.run(
            [ROOT / ".github" / "rolling_issue.sh", result, "The nightly is red", body],
            check=True,
            env={"PATH": f"{fake.parent}:/usr/bin:/bin", "RUN_URL": "https://example.org/7"},
        )
        asked = (tmp_path / "asked").read_text().splitlines()
        return [" ".join(line.split()[:3]) for line in asked[1:]]

    return ask


def test_one_issue_is_opened_edited_and_closed_and_never_a_second(gh, tmp_path):
    body = tmp_path / "summary.md"
    body.write_text("REFUTED: RL after SFT raises the SFT loss\n" + "x" * 100_000)
    assert gh("failure", body) == ["label create nightly", "issue create --title"]
    told = (tmp_path / "body").read_text()
    assert "REFUTED: RL after SFT" in told
    assert "https://example.org/7" in told
    assert len(told) < 65_536
    assert gh("failure", body, number="12") == ["issue edit 12"]
    assert gh("success", body, number="12") == ["issue close 12"]
    assert gh("success", body) == []


def test_a_night_without_a_summary_is_red_and_says_why(gh, tmp_path):
    assert gh("cancelled", tmp_path / "none.md") == ["label create nightly", "issue create --title"]
    assert "There is no summary" in (tmp_path / "body").read_text()


def test_the_branch_of_the_history_holds_every_nights_record_and_nothing_else(tmp_path):
    """From a checkout of a repository that has never had one; a known record makes no commit."""

    def git(*words, at):
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        done = subprocess.run(
            ["git", *identity, "-C", at, *words], check=True, capture_output=True, text=True
        )
        return done.stdout.split()

    origin, checkout, night = tmp_path / "origin", tmp_path / "checkout", tmp_path / "history"
    git("init", "-q", "--bare", str(origin), at=tmp_path)
    git("clone", "-q", str(origin), str(checkout), at=tmp_path)
    (checkout / "code.py").write_text("")
    git("add", "-A", at=checkout)
    git("commit", "-qm", "code", at=checkout)
    git("push", "-q", "origin", "HEAD", at=checkout)
    for name in ("monday.json", "monday.json", "tuesday.json"):
        night.mkdir(exist_ok=True)
        (night / name).write_text(name)
        subprocess.run([ROOT / ".github" / "keep_history.sh", night], cwd=checkout, check=True)
        (night / name).unlink()
    kept = git("ls-tree", "--name-only", "nightly-history", at=origin)
    assert kept == ["monday.json", "tuesday.json"]
    assert git("rev-list", "--count", "nightly-history", at=origin) == ["2"]
    night.rmdir()
    subprocess.run([ROOT / ".github" / "keep_history.sh", night], cwd=checkout, check=True)


def test_the_documentation_names_what_the_script_reads_and_its_yaml_is_yaml():
    told = (ROOT / "docs" / "nightly.md").read_text()
    for name in set(re.findall(r"NIGHTLY_[A-Z_]+", (ROOT / ".ci" / "nightly").read_text())):
        assert name in told
    for block in re.findall(r"```yaml\n(.*?)```", told, re.DOTALL):
        assert ".ci/nightly" in str(yaml.safe_load(block))
