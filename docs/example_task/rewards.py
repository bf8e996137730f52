"""A verifier of one's own, in the signature of TRL's reward functions."""


def right_relation(completions, prompts, **fields):
    """Return +1 where the relation holds between the prompt's numbers, and -1 elsewhere.

    It works the truth out and needs no field of the rows: ``fields`` has ``response``, ``truth``
    and ``group``, each a list.
    """
    rewards = []
    for prompt, completion in zip(prompts, completions, strict=True):
        a, b = (int(number.replace(" ", "")) for number in prompt.split("?"))
        holds = {"less": a < b, "greater": a > b, "equal": a == b}
        rewards.append(1.0 if holds.get(completion, False) else -1.0)
    return rewards
