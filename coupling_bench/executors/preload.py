"""What the process imports, once, that workers are forks of: all that stages need."""

from coupling_bench.executors import worker

worker.quieten()  # tqdm asks when it is imported
worker.prepare()
