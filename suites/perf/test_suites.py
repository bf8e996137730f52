"""Whole runs: a cold one against plain TRL, and a warm one against a cold one."""

import subprocess
import sys


def test_cold_suites(duel, recipe):
    """Every stage and observation of the four claims, one seed, from an empty store."""
    from suites.perf import running

    work = running.short(recipe)

    def plain() -> None:
        with running.plain_trl():
            running.cold(work, running.CLAIMS, seeds=1)

    duel(
        name="cold suites, one seed",
        group="suites",
        plain=plain,
        ours=lambda: running.cold(work, running.CLAIMS, seeds=1),
        gate=1.3,
        rounds=2,
        memory=False,
        note="Stages of the default sizes with fewer steps, in one process. Observations are ours "
        "in both arms.",
    )


def test_warm_suites(duel, tmp_path, pytestconfig):
    """`pytest suites` whose stages are all in the store, against the run that put them there."""

    def run(name: str) -> None:
        subprocess.run(
            [
                sys.executable, "-m", "pytest", "suites", "-q", "--scale", "smoke",
                "--store", str(tmp_path / name), "--reports", str(tmp_path / "reports"),
            ],
            cwd=pytestconfig.rootpath, stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip

    colds = iter(range(100))
    run("warm")
    duel(
        name="warm suites",
        group="suites",
        against="the same command, cold",
        plain=lambda: run(f"cold-{next(colds)}"),
        ours=lambda: run("warm"),
        gate=2.0,
        rounds=2,
        memory=False,
        note="The whole command with the start of Python, scale smoke, three seeds.",
    )
