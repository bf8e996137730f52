"""A task whose answers are open, made in memory: the loader of a JsonlSpec, for tests."""

from coupling_bench.specs import JsonlSpec
from coupling_bench.tasks import Item, Task

LOADER = "tests.open_task"


def spec(**changes) -> JsonlSpec:
    """Ten sums, held out, with a verifier that likes long completions."""
    return JsonlSpec(
        **{
            "name": "sums",
            "files": (("train", "0" * 64),),
            "verifier": "contains",
            "max_completion_tokens": 3,
            "samples": 4,
            "folder": ".",
            "paths": (("train", "train.jsonl"),),
        }
        | changes
    )


def load(spec: JsonlSpec) -> Task:
    """Return the task; nothing is read."""
    items = tuple(
        Item(text=f"{number} + {number + 1} =", response=f" {2 * number + 1}", group="sums")
        for number in range(10)
    )
    splits = dict.fromkeys(("pretraining", "sft", "rl", "out_of_domain"), ())
    return Task(spec=spec, splits={**splits, "held_out": items}, verify=_verify)


def _verify(items, completions):
    return [min(len(text), 4) / 2 - 1 for text in completions]
