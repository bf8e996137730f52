"""Eight processes need the same stage at once, on a cold store: one trains it."""

import multiprocessing

from coupling_bench.pipelines import NODES
from coupling_bench.store import Store
from tests.killing import run_and_kill
from tests.tiny import recipe

PROCESSES = 8


def make(spec, root, ready, results):
    from coupling_bench import progress, stages

    notes = []
    progress.listen(lambda message: message.note and notes.append(message.note))
    ready.wait()
    made = stages.make(spec, Store(root))[1]
    results.put((made, sum("is being made by process" in note for note in notes)))


def test_eight_processes_that_need_one_stage_train_it_once(tmp_path):
    whole = recipe()
    assert run_and_kill(NODES["base"](whole, 0), tmp_path).finished
    context = multiprocessing.get_context("forkserver")
    ready, results = context.Barrier(PROCESSES), context.SimpleQueue()
    spec = NODES["sft"](whole, 0)
    processes = [
        context.Process(target=make, args=(spec, tmp_path, ready, results))
        for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    told = [results.get() for _ in processes]
    for process in processes:
        process.join()
    assert sorted(made for made, _ in told) == [False] * (PROCESSES - 1) + [True]
    assert all(waited for made, waited in told if not made)
