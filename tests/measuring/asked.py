"""What the tests of measuring ask: tiny checkpoints, forty held-out sentences."""

from dataclasses import replace
from pathlib import Path

from coupling_bench import measuring, models
from coupling_bench.store import Store
from coupling_bench.tasks import Task
from tests.tiny import recipe

TASK = recipe().task


def question(folder, checkpoints, **changes):
    """A question about checkpoints on the tiny grammar, with a store in ``folder``."""
    asked = {"task": TASK, "device": "cpu", "store": Store(folder / "store")}
    named = [(name, str(path)) for name, path in checkpoints.items()]
    return measuring.Question(checkpoints=named, **(asked | changes))


def silent(line):
    """Say nothing."""


def measure(folder, checkpoints, **changes):
    """The section of the record."""
    asked = question(folder, checkpoints, **changes)
    return measuring.measure(asked, silent, command="test")["measurement"]


def naive_logps(folder, task: Task, split="held_out"):
    """Log pi(answer, end | prompt) of each item and answer: one row at a time, by torch alone."""
    import torch

    model, tokenizer = models.load(Path(folder))
    rows = []
    for item in task.splits[split]:
        scores = []
        for answer in task.candidates(item):
            prompt = tokenizer(task.prompt(item))["input_ids"]
            said = [*tokenizer(answer, add_special_tokens=False)["input_ids"]]
            ids = torch.tensor([[*prompt, *said, tokenizer.eos_token_id]])
            with torch.inference_mode():
                logps = torch.log_softmax(model(input_ids=ids).logits[0].double(), dim=-1)
            places = range(len(prompt), ids.shape[1])
            scores.append(sum(float(logps[at - 1, ids[0, at]]) for at in places))
        rows.append(scores)
    return rows


def taught(source, folder, task: Task, steps: int):
    """Save a copy of a model that has learnt to give the true answers, a little: AdamW alone."""
    import torch

    model, tokenizer = models.load(source)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    items = task.splits["sft"][:16]
    for step in range(steps):
        for item in items[step % 2 :: 2]:
            prompt = tokenizer(task.prompt(item))["input_ids"]
            said = tokenizer(task.response(item), add_special_tokens=False)["input_ids"]
            ids = torch.tensor([[*prompt, *said, tokenizer.eos_token_id]])
            labels = ids.clone()
            labels[:, : len(prompt)] = -100
            (model(input_ids=ids, labels=labels).loss / 8).backward()
        optimizer.step()
        optimizer.zero_grad()
    models.save(model, tokenizer, folder)
    return folder


def with_template(task: Task, template: str) -> Task:
    """The same task in other words."""
    return replace(task, spec=replace(task.spec, prompt_template=template))
