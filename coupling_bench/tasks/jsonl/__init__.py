"""A user's own task: JSONL files of prompts and responses, and a ``task.toml`` that names them."""

from coupling_bench.tasks.jsonl.description import read_task
from coupling_bench.tasks.jsonl.splits import load

__all__ = ["load", "read_task"]
