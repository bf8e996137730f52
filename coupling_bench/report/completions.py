"""Sampled answers side by side: the same prompts after every stage of both orders."""

from typing import Any

from coupling_bench.report.tables import grouped

SPINE = ("base", "sft", "rl", "sft_then_rl", "rl_then_sft")
"""What the first table shows, in this order; other trainers' nodes have tables of their own."""

Record = dict[str, Any]


def view(record: Record) -> list[Record]:
    """Tables for each model and task: the spine's, and one with what other trainers answered."""
    found = []
    for (model, task), rows in grouped(record["completions"], "model", "task").items():
        prompts = _side_by_side(rows)
        named = dict.fromkeys(node for row in prompts for node in row["answers"])
        others = [node for node in named if node not in SPINE]
        found.append(_table(model, task, "", [node for node in SPINE if node in named], prompts))
        if others:
            found.append(_table(model, task, "other trainers", ["base", *others], prompts))
    return [one for one in found if one["rows"]]


def _side_by_side(rows: list[Record]) -> list[Record]:
    """One row a prompt, with the answers of all pipelines; a prompt asked twice stays two."""
    prompts: dict[tuple, Record] = {}
    for same in grouped(rows, "pipeline").values():
        times: dict[tuple, int] = {}
        for row in same:
            asked = (row["prompt"], row.get("truth"))
            times[asked] = times.get(asked, 0) + 1
            first = {**row, "answers": {}}
            kept = prompts.setdefault((*asked, times[asked]), first)
            kept["answers"].update(row.get("answers") or {})
    return list(prompts.values())


def _table(model: str, task: str, title: str, nodes: list[str], prompts: list[Record]) -> Record:
    rows = []
    for row in prompts:
        answers = [row["answers"].get(node) for node in nodes]
        given = [answer for answer in answers if answer is not None]
        if given:
            first = given[0].strip()
            cells = [(one, one is not None and one.strip() != first) for one in answers]
            changed = any(differs for _, differs in cells)
            rows.append({**row, "cells": cells, "changed": changed})
    spaced = [row for row in rows if row.get("chosen") != "changed"]
    summary = f"{sum(row['changed'] for row in spaced)} of {len(spaced)} answers changed"
    if len(rows) > len(spaced):
        summary += f"; {len(rows) - len(spaced)} more that changed"
    return {
        "model": model, "task": task, "title": title, "nodes": nodes, "rows": rows,
        "summary": summary,
    }  # fmt: skip
