"""Small tasks in folders: rows, files and a task.toml, for the tests to break."""

import json
from pathlib import Path

from coupling_bench import tasks
from coupling_bench.specs import JsonlSpec

TASK = """
[data]
train = "train.jsonl"
[verifier]
kind = "exact"
"""


def rows(count: int, *, conversational: bool = False, **more) -> list[dict]:
    """Rows of different prompts; ``more`` are further fields, the same in each row."""
    return [
        {
            **(
                {
                    "messages": [
                        {"role": "system", "content": "s"},
                        {"role": "user", "content": f"p{n}"},
                    ]
                }
                if conversational
                else {"prompt": f"p{n}"}
            ),
            "response": f"r{n % 3}",
            "truth": f"r{n % 2}",
            "source": {"page": n, "tags": ["a", "b"][: n % 2 + 1]},
            **more,
        }
        for n in range(count)
    ]


def lines(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def write(folder: Path, train: list[dict], toml: str = TASK, **files: list[dict]) -> Path:
    """Write a task into ``folder`` and return the path of its task.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {"train": train, **files}.items():
        (folder / f"{name}.jsonl").write_bytes(lines(content))
    (folder / "task.toml").write_text(toml)
    return folder / "task.toml"


def rewards(spec: JsonlSpec, completion: str) -> list[float]:
    """Return what ``completion`` earns on each held-out prompt; a worker can be asked."""
    task = tasks.load(spec)
    held_out = task.splits["held_out"]
    return task.rewards(held_out, [completion] * len(held_out))
