"""KL between policies whose answers are open: completions of one, scored by both.

The completions are those that J is estimated from, kept as token ids, so that their probability
under either policy is exact. They and their scores are stored under specs of this module.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coupling_bench import models, tasks
from coupling_bench.measuring.comparing import Record, over_items
from coupling_bench.probes import Reader
from coupling_bench.prompting import prompt_texts
from coupling_bench.runs import Array
from coupling_bench.specs import ObservationSpec, model_of
from coupling_bench.store import Entry, Store

BIAS = (
    "the mean of log p - log q over samples of p: without bias, and below zero at times; "
    "completions cut at the limit count as far as they go, so it is of the first tokens alone"
)
OTHER_TOKENS = "the tokenizers differ, so one cannot score the other's completions"
COMPLETIONS, SCORES = "completions.json", "scores.npy"


@dataclass(frozen=True, kw_only=True)
class CompletionsSpec:
    """The completions at temperature 1 behind an observation's J, as token ids."""

    of: ObservationSpec
    version: int = 1
    """Raised by hand when a change of this module changes what is drawn."""


@dataclass(frozen=True, kw_only=True)
class ScoresSpec:
    """Log-probabilities of completions under a policy, in nats."""

    completions: CompletionsSpec
    under: ObservationSpec
    """The policy, and how it is prompted."""


def kl(
    policy: ObservationSpec,
    reference: ObservationSpec,
    store: Store,
    tell: Callable[[str], None],
) -> Record:
    """Return KL(policy || reference) in nats per sequence, estimated, with intervals over items.

    k1 = log p - log q and k3 = q / p - 1 - log(q / p) for completions of p; an item's value is the
    mean over its G samples. k3 is never negative and steadier where the policies are close. Where
    they are far apart its q / p is hardly ever sampled and it comes out too small. What has to be
    computed is told in a line. Source: J. Schulman, "Approximating KL divergence", 2020.
    """
    drawn = CompletionsSpec(of=policy)
    scores = [ScoresSpec(completions=drawn, under=under) for under in (policy, reference)]
    if any(store.find(spec) is None for spec in scores):  # type: ignore[arg-type]
        names = [model_of(spec).name for spec in (policy, reference)]
        tell(f"completions of {names[0]}: scoring them by {' and '.join(names)}")
    own, other = (_scores(spec, store) for spec in scores)
    if own is None or other is None:
        return {"estimator": None, "estimate": None, "interval": None, "bias": OTHER_TOKENS}
    ratio = other - own
    k3 = np.expm1(ratio) - ratio
    return {
        "estimator": "k1",
        **over_items(-ratio.mean(axis=1)),
        "k3": over_items(k3.mean(axis=1)),
        "bias": BIAS,
    }


def _scores(spec: ScoresSpec, store: Store) -> Array | None:
    """Return ``(P, G)`` log-probabilities, or None where the policy knows other tokens."""
    _entry(spec.completions, store, lambda folder: _complete(spec.completions, store, folder))
    entry = _entry(spec, store, lambda folder: _score(spec, store, folder))
    return np.load(entry.folder / SCORES) if entry.facts["same_tokens"] else None


def _entry(spec: Any, store: Store, make: Callable[[Path], dict[str, Any]]) -> Entry:
    return store.get_or_make(spec, make)[0]


def _complete(spec: CompletionsSpec, store: Store, folder: Path) -> dict[str, Any]:
    reader, many = _reader(spec.of, store), spec.of.samples
    end = reader.tokenizer.eos_token_id
    ids: list[list[list[int]]] = [[] for _ in reader.prompt_ids]
    for batch, prompts in reader.computed(~spec.of.sampling_seed):
        drawn = prompts.sample(many, spec.of.sampling_tokens, 1.0, 1.0)
        said = [row[:-1] if row[-1:] == [end] else row for row in drawn]
        for number, place in enumerate(batch):
            ids[place] = said[number * many : (number + 1) * many]
    document = {"ids": ids, "vocabulary": _vocabulary(reader.tokenizer)}
    (folder / COMPLETIONS).write_text(json.dumps(document))
    return {"samples": many}


def _score(spec: ScoresSpec, store: Store, folder: Path) -> dict[str, Any]:
    entry = store.get(spec.completions)  # type: ignore[arg-type]
    document = json.loads((entry.folder / COMPLETIONS).read_text())
    reader = _reader(spec.under, store)
    if _vocabulary(reader.tokenizer) != document["vocabulary"]:
        return {"same_tokens": False}
    limit, end = spec.completions.of.sampling_tokens, reader.tokenizer.eos_token_id
    # One that was cut has no end; each policy has its own token for it.
    whole = [[row if len(row) == limit else [*row, end] for row in of] for of in document["ids"]]
    scores = np.zeros((len(whole), spec.completions.of.samples))
    for batch, prompts in reader.computed(spec.under.sampling_seed):
        after = [[whole[place][copy] for place in batch] for copy in range(scores.shape[1])]
        scores[batch] = prompts.score(after, (1.0,))[0].cpu().numpy()
    np.save(folder / SCORES, scores)
    return {"same_tokens": True}


def _reader(spec: ObservationSpec, store: Store) -> Reader:
    import torch

    torch.set_num_threads(spec.threads)
    model = model_of(spec)
    loaded, tokenizer = models.load(store.get(spec.of).folder, model, dtype="float32")
    task = tasks.load(spec.of.task)
    prompts = prompt_texts(model, tokenizer, task, task.splits[spec.split])
    return Reader(loaded, tokenizer, prompts, [], spec)


def _vocabulary(tokenizer: Any) -> str:
    return hashlib.sha256(json.dumps(sorted(tokenizer.get_vocab().items())).encode()).hexdigest()
