"""A model that is asked each thing once.

lm-eval's own cache (CachingLM) knows a request by its text alone, so that two checkpoints with one
file get each other's answers; it never gives a sampled completion back, and it unpickles what it
reads. Here each checkpoint has a file of its own, of JSON, and sampled completions are kept with
everything that they were drawn with.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from tqdm import tqdm

CHUNK = 1_024
"""Requests that are answered before their answers are kept."""


class Remembering(LM):
    """A language model that answers from its file, and is loaded only for what is not there."""

    def __init__(self, load: Callable[[], Any], file: Path, seed: int, draws: Sequence[Any]):
        """Answer for one checkpoint.

        Args:
            load: returns lm-eval's own model of it.
            file: where its answers are kept, of no other checkpoint.
            seed: of sampled completions.
            draws: what they depend on beside the requests.
        """
        super().__init__()
        self._load, self._model, self._file = load, None, file
        self._seed, self._draws = seed, list(draws)
        file.parent.mkdir(parents=True, exist_ok=True)
        self._kept = sqlite3.connect(file, timeout=60)
        with self._sqlite():
            self._kept.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, said)")

    def __enter__(self) -> Remembering:
        """Return the model."""
        return self

    def __exit__(self, *exception: Any) -> None:
        """Close the file."""
        self._kept.close()

    @property
    def model(self) -> Any:
        """lm-eval's own model, loaded when it is first needed."""
        if self._model is None:
            self._model = self._load()
        return self._model

    @property
    def tokenizer_name(self) -> str:
        """What lm-eval tells chat templates apart by."""
        return self.model.tokenizer_name

    def apply_chat_template(self, chat_history: Any, add_generation_prompt: bool = True) -> str:
        """Return a dialogue as the text that the model continues."""
        return self.model.apply_chat_template(chat_history, add_generation_prompt)

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Return log pi(continuation | context) of each, and whether it is the greedy one."""
        return [(logp, greedy) for logp, greedy in self._answers("loglikelihood", requests)]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Return for each request the log-probability of its whole text."""
        return self._answers("loglikelihood_rolling", requests)

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Return a completion of each request.

        Sampled ones depend on the seed and on all that are drawn in the same call.
        """
        drawn = [request for request in requests if _is_sampled(request)]
        others = [request for request in requests if not _is_sampled(request)]
        samples, texts = iter(self._draw(drawn)), iter(self._answers("generate_until", others))
        return [next(samples if _is_sampled(request) else texts) for request in requests]

    def _draw(self, requests: list[Instance]) -> list[str]:
        key = _key("draw", self._draws, [request.args for request in requests])
        if requests and self._said(key) is None:
            import torch

            model = self.model  # loading may draw, too
            with torch.random.fork_rng():
                torch.manual_seed(self._seed)
                self._keep({key: model.generate_until(requests, disable_tqdm=True)})
        return self._said(key) or []

    def _answers(self, kind: str, requests: Sequence[Instance]) -> list[Any]:
        keys = [_key(kind, *request.args) for request in requests]
        asked = dict(zip(keys, requests, strict=True))
        new = [(key, request) for key, request in asked.items() if self._said(key) is None]
        for at in tqdm(range(0, len(new), CHUNK), desc=kind, disable=None if new else True):
            some = new[at : at + CHUNK]
            said = getattr(self.model, kind)([request for _, request in some], disable_tqdm=True)
            self._keep({key: answer for (key, _), answer in zip(some, said, strict=True)})
        return [self._said(key) for key in keys]

    def _said(self, key: str) -> Any:
        with self._sqlite():
            row = self._kept.execute("SELECT said FROM answers WHERE key = ?", (key,)).fetchone()
            return json.loads(row[0]) if row else None

    def _keep(self, answers: Mapping[str, Any]) -> None:
        rows = [(key, json.dumps(answer)) for key, answer in answers.items()]
        with self._sqlite(), self._kept:
            self._kept.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)

    @contextlib.contextmanager
    def _sqlite(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, ValueError) as error:
            raise ValueError(
                f"lm-eval: the answers in {self._file} cannot be used ({error}). Delete that file; "
                "they are then computed anew."
            ) from None


def _is_sampled(request: Instance) -> bool:
    return bool(request.args[1].get("do_sample"))


def _key(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
