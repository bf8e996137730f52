"""Checkpoints of the user's own, trained by anything, measured on a task: nothing is trained.

``asking`` finds them, ``observing`` reads what they answer (through the store, so that a second
call computes nothing), ``comparing`` and ``limits`` subtract, ``recording`` writes it down.
"""

from coupling_bench.measuring.asking import Question, find_task
from coupling_bench.measuring.recording import measure
from coupling_bench.measuring.tabling import table

__all__ = ["Question", "find_task", "measure", "table"]
