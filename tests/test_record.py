"""Which sampled answers a record shows."""

from types import SimpleNamespace

from coupling_bench.record import SHOWN_COMPLETIONS, _shown


def seen(*answers):
    """Observations of one node each, by what they answer to every item."""
    return {str(n): SimpleNamespace(completions=[[], one]) for n, one in enumerate(answers)}


def test_prompts_are_evenly_spaced_and_as_many_more_have_changed():
    items = 600
    base = ["yes"] * items
    other = ["no" if item % 5 == 1 else "yes" for item in range(items)]
    shown = _shown(seen(base, other, base))
    spaced = [item for item, why in shown.items() if why == "spaced"]
    changed = [item for item, why in shown.items() if why == "changed"]
    assert list(shown) == sorted(shown)
    assert len(spaced) == len(changed) == SHOWN_COMPLETIONS
    assert (spaced[0], spaced[-1]) == (0, items - 1)
    assert all(item % 5 == 1 for item in changed)
    assert max(changed) - min(changed) > items / 2


def test_few_prompts_are_all_shown_once():
    shown = _shown(seen(["a", "b"], ["a", "c"]))
    assert shown == {0: "spaced", 1: "spaced"}
