"""One of the processes that ``accelerate launch`` starts for a stage: see ``launching``."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from multiprocessing.connection import Client, Connection

from coupling_bench import progress, tracking
from coupling_bench.specs import model_of
from coupling_bench.stages import train
from coupling_bench.stages.launching import KEY, SOCKET, End, Job


def main() -> None:
    """Do this process's part of the job; the first one speaks and writes for all."""
    rank = int(os.environ.get("RANK", "0"))
    connection: Connection = Client(os.environ[SOCKET], authkey=bytes.fromhex(os.environ[KEY]))
    connection.send(rank)
    job: Job = connection.recv()
    threading.Thread(target=_leave_with_the_parent, args=(connection,), daemon=True).start()
    _print_into(job, rank)
    if rank == 0:
        progress.listen(connection.send)
        tracking.use(job.tracker)
    if model_of(job.spec).device == "cuda":
        import torch

        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    # What the others put down on their way is nobody's.
    folder = job.folder if rank == 0 else job.outputs / f"folder-{rank}"
    folder.mkdir(exist_ok=True)
    try:
        facts = train(job.spec, job.start, folder)
    except Exception as error:
        error.add_note(traceback.format_exc())
        connection.send(End(error=error))
        raise
    connection.send(End(facts=facts if rank == 0 else None))


def _print_into(job: Job, rank: int) -> None:
    """Let all that this process prints, its libraries' C code too, go to a file of its own."""
    output = os.open(job.outputs / f"{rank}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, sys.stdout.fileno())
    os.dup2(output, sys.stderr.fileno())


def _leave_with_the_parent(connection: Connection) -> None:
    """End this process when nobody waits for it any more, however that came."""
    try:
        connection.recv()
    except (EOFError, OSError):
        os._exit(1)


if __name__ == "__main__":
    main()
