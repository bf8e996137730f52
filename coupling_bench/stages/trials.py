"""What a trainer finds out about a model by trying it, before it relies on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def trying(model: torch.nn.Module) -> Iterator[Any]:
    """Lend ``model`` as it is in training, without gradient; leave mode and random draws alone."""
    mode = model.training
    with torch.random.fork_rng(), torch.no_grad():
        try:
            yield model.train()
        finally:
            model.train(mode)


def has_dropout(model: torch.nn.Module) -> bool:
    """Say whether a module drops activations; one in a fresh adapter cannot be seen at work yet."""
    dropout = torch.nn.modules.dropout._DropoutNd
    return any(isinstance(module, dropout) and module.p > 0 for module in model.modules())
