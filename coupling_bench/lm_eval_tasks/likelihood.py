"""log pi(answer, end of sequence | prompt) from lm-eval's log-likelihoods, for any tokenizer.

lm-eval moves white space at a prompt's end into the continuation, where its probability counts,
and tokenises what is left on its own: a tokenizer that writes ``.`` and a newline as one token then
loses the newline. So the prompt is cut here, where its tokens can be cut but not behind white
space, and the probability of what follows the cut is asked for once more, alone, and divided out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

Encode = Callable[[str], list[int]]


class Likelihood(ConfigurableTask):
    """A closed set of answers, each scored to its end of sequence.

    An item has one request for each answer and, where its prompt was cut before its end, a last
    one for what the answers share.
    """

    def __init__(self, config: Mapping[str, Any]):
        """Take what the YAML file says; lm-eval leaves this class in it, which is no field."""
        super().__init__(config={key: value for key, value in config.items() if key != "class"})

    def construct_requests(self, doc: dict, ctx: str, **kwargs: Any) -> list[Instance]:
        """Return the requests of one item; ``ctx`` is its prompt, with any chat template."""
        tokenizer = tokenizer_of(self.config.task, self.config.metadata)
        kwargs = {key: value for key, value in kwargs.items() if "chat_template" not in key}
        context, continuations = parts(tokenizer, ctx, self.doc_to_choice(doc))
        return [
            Instance(
                request_type="loglikelihood",
                doc=doc,
                arguments=(context, continuation),
                idx=number,
                **kwargs,
            )
            for number, continuation in enumerate(continuations)
        ]


def tokenizer_of(task: str, metadata: Mapping[str, Any]) -> Any:
    """Return the tokenizer of the model that lm-eval was told to evaluate.

    Raises:
        ValueError: it was told of none.
    """
    name = metadata.get("tokenizer") or metadata.get("pretrained")
    if not isinstance(name, str):
        raise ValueError(
            f"{task}: lm-eval was given no pretrained=... or tokenizer=..., so the end of sequence "
            'is unknown. Name the tokenizer: --metadata \'{"tokenizer": "FOLDER"}\'.'
        )
    revision = str(metadata.get("revision", "main"))
    return _load(name, revision, bool(metadata.get("trust_remote_code", False)))


@functools.lru_cache(maxsize=1)
def _load(name: str, revision: str, trusted: bool) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=trusted)


def parts(tokenizer: Any, prompt: str, answers: Sequence[str]) -> tuple[str, list[str]]:
    """Return a context, and what is scored after it.

    log pi(answer, end | prompt) is the score of the answer's continuation, minus that of the last
    one if there is one more than there are answers.

    Raises:
        ValueError: answers have no end, share a token with the prompt, or do not fit.
    """
    if tokenizer.eos_token is None:
        raise ValueError(
            "lm-eval: the tokenizer has no end of sequence, so an answer could never end. "
            "Set eos_token in its tokenizer_config.json."
        )
    whole = tokenizer.encode(prompt)
    place = cut(tokenizer.encode, prompt, whole)
    shared = prompt[place:]
    for answer in answers:
        _check(tokenizer, prompt, whole, answer)
    continuations = [shared + answer + tokenizer.eos_token for answer in answers]
    return prompt[:place], [*continuations, shared] if shared else continuations


def cut(encode: Encode, prompt: str, whole: Sequence[int]) -> int:
    """Return the last place at which the tokens ``whole`` of a prompt can be cut.

    It is not behind white space, which lm-eval would move.
    """
    for place in range(len(prompt.rstrip()), 0, -1):
        if not prompt[place - 1].isspace():
            head = encode(prompt[:place])
            if whole[: len(head)] == head:
                return place
    raise ValueError(
        f"lm-eval: the tokens of the prompt {prompt[-40:]!r} cannot be cut anywhere. Write a "
        "longer one: COUPLING_BENCH_PROMPT."
    )


def _check(tokenizer: Any, prompt: str, whole: Sequence[int], answer: str) -> None:
    ids = tokenizer.encode(prompt + answer + tokenizer.eos_token)
    if ids[: len(whole)] != whole or ids[-1] != tokenizer.eos_token_id:
        raise ValueError(
            f"lm-eval: the prompt {prompt[-40:]!r} and its answer {answer!r} share a token, so the "
            "answer's probability is not defined. End the prompt with a newline, or leave out its "
            "last blank (COUPLING_BENCH_PROMPT)."
        )
    if len(ids) > tokenizer.model_max_length:
        raise ValueError(
            f"lm-eval: the prompt {prompt[:60]!r} with its answer has {len(ids)} tokens; the "
            f"context holds {tokenizer.model_max_length}. Shorten it: COUPLING_BENCH_PROMPT."
        )
