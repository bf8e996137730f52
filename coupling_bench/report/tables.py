"""Tables of a record: rows grouped by model and task, seeds drawn together."""

from collections.abc import Iterable
from typing import Any

from coupling_bench.report.text import is_number

MEASURES = {
    "loss": "SFT loss, nats/\u200bsequence",
    "loss_per_token": "SFT loss, nats/\u200btoken",
    "reward": "reward, exact",
    "mcc": "MCC",
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "mean_at_1_robust": "mean@1, robust",
    "mean_at_1_strict": "mean@1, strict",
    "step_accuracy": "steps right",
    "other_mass": "mass on other answers",
}
CONSTANTS = {
    "optimal_loss": "L*: lowest SFT loss any model can reach, nats/sequence",
    "demonstrator_reward": "J_D: reward of the demonstrator",
    "majority_reward": "reward of always giving the majority answer",
    "majority_reward_out_of_domain": "the same out of domain",
    "label_noise": "share of demonstrations with the wrong answer",
    "items": "held-out items",
    "items_out_of_domain": "out-of-domain items",
    "rl_prompts": "RL's prompts and SFT's: shared or disjoint",
}
MAJORITY = {
    "held_out": "majority_reward",
    "out_of_domain": "majority_reward_out_of_domain",
}

Record = dict[str, Any]


def grouped(rows: Iterable[Record], *keys: str) -> dict[tuple, list[Record]]:
    """Rows by the values of some keys, in the order of their first appearance."""
    groups: dict[tuple, list[Record]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key) for key in keys), []).append(row)
    return groups


def measures(record: Record) -> dict[str, str]:
    """Return the measures that some row has, by their names."""
    rows = record["abilities"]
    return {
        key: name for key, name in MEASURES.items() if any(is_number(row.get(key)) for row in rows)
    }


def abilities(record: Record) -> list[Record]:
    """One table for each model and task, with the constant answer beside the measured rows."""
    groups, shown = grouped(record["groups"], "model", "task"), measures(record)
    return [
        {
            "model": model,
            "task": task,
            "kinds": kinds(groups.get((model, task), [])),
            "splits": [
                (split, _split(rows, shown, split, (record.get("constants") or {}).get(task) or {}))
                for (split,), rows in grouped(found, "split").items()
            ],
        }
        for (model, task), found in grouped(record["abilities"], "model", "task").items()
    ]


def _split(rows: list[Record], shown: Iterable[str], split: str, constants: Record) -> list[Record]:
    measured = [
        {"node": node, "seeds": len(found), "cells": [spread(found, key) for key in shown]}
        for (node,), found in grouped(rows, "node").items()
    ]
    majority = constants.get(MAJORITY.get(split, ""))
    if is_number(majority):
        rewards = dict.fromkeys(("reward", "mean_at_1_robust", "mean_at_1_strict"), majority)
        accuracy = (1 + majority) / 2  # rewards are +1 and -1
        constant = {**rewards, "accuracy": accuracy, "mcc": 0.0, "balanced_accuracy": 0.5}
        cells = [spread([constant], key) for key in shown]
        measured.append({"node": None, "seeds": None, "cells": cells})
    return measured


def kinds(rows: list[Record]) -> Record:
    """Accuracy by kind of sentence: one row a kind, one column a node, for one model and task."""
    return {
        "nodes": list(dict.fromkeys(row["node"] for row in rows)),
        "rows": [
            (split, kind, found[0]["items"], {row["node"]: row for row in found})
            for (split, kind), found in grouped(rows, "split", "group").items()
        ],
    }


def spread(rows: list[Record], key: str) -> Record | None:
    """Mean and range of a measure over seeds; None where no seed has it."""
    values = [row[key] for row in rows if is_number(row.get(key))]
    if not values:
        return None
    middle = sum(values) / len(values)
    return {"mean": middle, "low": min(values), "high": max(values)}


def constants(record: Record) -> Record:
    """What is known of the tasks: one row a constant, one column a task."""
    tasks = record.get("constants") or {}
    names = dict.fromkeys([*CONSTANTS, *(name for known in tasks.values() for name in known)])
    rows = [
        (name, CONSTANTS.get(name), [known.get(name) for known in tasks.values()])
        for name in names
        if any(name in known for known in tasks.values())
    ]
    return {"tasks": list(tasks), "rows": rows}


def completions(record: Record) -> list[Record]:
    """Sampled answers, one table for each pipeline of each model and task."""
    groups = grouped(record["completions"], "model", "task", "pipeline")
    return [
        {
            "model": model,
            "task": task,
            "pipeline": pipeline,
            "nodes": list(dict.fromkeys(n for row in rows for n in row.get("answers") or {})),
            "rows": rows,
        }
        for (model, task, pipeline), rows in groups.items()
    ]
