"""Surface forms: a label may be said in two ways, of which the verifier rewards the first alone.

Answer A of L labels means label A mod L: the first L answers are the rewarded form, L further ones
the same labels in other words.
"""

from __future__ import annotations

from coupling_bench.specs import GrammarSpec, TaskSpec


def form_shares(spec: TaskSpec) -> tuple[float, ...]:
    """Return the share of each form among the demonstrations, the rewarded form first.

    Raises:
        ValueError: answers and shares of the embedded task do not fit together.
    """
    if not isinstance(spec, GrammarSpec):
        return (1.0,)
    share, many = spec.other_words_share, len(spec.answers)
    if many not in (2, 4) or not 0.0 <= share <= 1.0 or (share > 0.0 and many == 2):
        raise ValueError(
            f"{spec.name}: found {many} answers and other_words_share = {share}; needed two "
            "answers, or four (the same two again in other words) with a share from 0 to 1."
        )
    return (1.0,) if many == 2 else (1.0 - share, share)


def labels_of_answers(spec: TaskSpec) -> list[int] | None:
    """Return the label that each answer of a closed set means; None: each is its own label."""
    forms = len(form_shares(spec))
    if spec.answers is None or forms == 1:
        return None
    many = len(spec.answers) // forms
    return [answer % many for answer in range(len(spec.answers))]
