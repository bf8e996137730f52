"""What to type to run one test again: the options that decide what it finds."""

from __future__ import annotations

import shlex

import pytest

DECISIVE = {
    "model": None, "models": None, "task": "grammar", "data_dir": None, "scale": None,
    "lm_eval_tasks": None, "seeds": "3", "first_seed": "0", "set": None, "recipe": None,
    "pipeline": None,
    "peft": None, "lora_rank": None, "lora_alpha": None, "lora_targets": None, "device": "auto",
}  # fmt: skip
"""Options that decide what a test finds, with their defaults; the others say where and how fast."""


def command(config: pytest.Config, test: str) -> str:
    """Return the command that runs ``test`` as this run did; defaults are left out."""
    typed = []
    for name, default in DECISIVE.items():
        value = getattr(config.option, name, None)
        flag = f"--{name.replace('_', '-')}"
        for one in value if isinstance(value, list) else [value]:
            if one not in (None, default):
                typed += [flag, str(one)]
    return shlex.join(["pytest", test, *typed])
