"""``python -m MODULE`` in a process of its own that finds torch and TRL imported already.

Importing them takes longer than what most commands do. One process imports them and nothing more;
each command is a fork of it. Without ``--executor inline`` a command starts workers as ever.
"""

import contextlib
import gc
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [f"coupling_bench.{name}" for name in ("stages.grpo", "stages.dpo", "probes", "options")]
)


def run(module, *arguments, cwd=ROOT, **environment):
    """Run ``module`` as a user would, pytest without the plugins that are not ours.

    Returns:
        Its exit status and what it said on both streams.
    """
    settings = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | environment
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("stdout", "stderr")]
        process = FORKS.Process(
            target=_as_main, args=(module, arguments, cwd, os.environ | settings, streams)
        )
        with contextlib.chdir(ROOT):  # where what is imported is looked for
            process.start()
        process.join()
        said = [stream.read_text(encoding="utf-8") for stream in streams]
    return subprocess.CompletedProcess(arguments, process.exitcode, *said)


def _as_main(module, arguments, cwd, environment, streams):
    for number, stream in enumerate(streams, start=1):
        os.dup2(os.open(stream, os.O_CREAT | os.O_WRONLY), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.path[:0] = [str(cwd), *environment.get("PYTHONPATH", "").split(os.pathsep)]
    gc.freeze()  # as workers do
    sys.argv = [module, *map(str, arguments)]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
