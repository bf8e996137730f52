"""Shuffled sentences: answers stay as frequent as they were, and nothing tells which is whose."""

from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from coupling_bench import scales, tasks
from coupling_bench.stages import pretrain
from coupling_bench.tasks import cola
from coupling_bench.tasks.jsonl import read_task
from coupling_bench.tasks.shuffling import cycle
from tests.tasks.jsonl.files import rows, write
from tests.tasks.test_cola import REAL, real_data
from tests.tiny import recipe

SPEC = replace(
    scales.task("grammar", "small"), pretraining_size=3_000, prompts_size=1_500, held_out_size=600
)


@given(st.integers(2, 200), st.integers(0, 5))
def test_a_cycle_leads_through_all_places_and_leaves_none_as_it_was(size, seed):
    others = cycle(size, seed)
    assert others == cycle(size, seed)
    seen, place = [], 0
    for _ in range(size):
        seen.append(place := others[place])
    assert sorted(seen) == list(range(size))
    assert all(other != place for place, other in enumerate(others))


def test_every_cycle_of_four_places_is_as_likely_as_the_others():
    counts = Counter(tuple(cycle(4, seed)) for seed in range(3_000))
    assert len(counts) == 6
    assert chi2_contingency([list(counts.values()), [500] * 6]).pvalue > 0.01


def pairs(folder):
    """The grammar, CoLA's format, and a user's own tasks with closed, open and chat prompts."""
    for name in cola.FILES.values():
        text = "".join(f"own\t{i % 3 > 0:d}\t\t{name} sentence {i} .\n" for i in range(60))
        (folder / name).write_text(text)
    closed = 'answers = ["r0", "r1", "r2"]\n[data]\ntrain = "train.jsonl"\n'
    return [
        SPEC,
        replace(SPEC, rl_prompts="disjoint"),
        scales.task("cola", "small", folder),
        read_task(write(folder / "closed", rows(60), closed)),
        read_task(write(folder / "open", rows(60))),
        read_task(write(folder / "chat", rows(60, conversational=True))),
    ]


def test_prompts_change_places_within_their_split_and_answers_stay(tmp_path):
    for spec in pairs(tmp_path):
        own, mixed = tasks.load(spec), tasks.load(replace(spec, sentences="shuffled"))
        assert mixed.spec.sentences == "shuffled"
        for split, items in own.splits.items():
            others = mixed.splits[split]
            shown = [(mixed.prompt(item), mixed.messages(item)) for item in others]
            before = [(own.prompt(item), own.messages(item)) for item in items]
            assert sorted(map(str, shown)) == sorted(map(str, before))
            assert all(a != b for a, b in zip(shown, before, strict=True))
            assert [(i.truth, i.response, i.group) for i in others] == [
                (i.truth, i.response, i.group) for i in items
            ]
            assert mixed.demonstrations(split, 3) == own.demonstrations(split, 3)
            answers = [own.response(item) for item in items]
            assert mixed.rewards(others, answers) == own.rewards(items, answers)
        shared = own.splits["sft"] == own.splits["rl"]
        assert (mixed.splits["sft"] == mixed.splits["rl"]) is shared


def dependence(first, second):
    """p-value of "independent", by the G-test: twice the mutual information of the counts."""
    table = Counter(zip(first, second, strict=True))
    rows, columns = sorted(set(first)), sorted(set(second))
    counts = [[table[r, c] for c in columns] for r in rows]
    return chi2_contingency(counts, lambda_="log-likelihood").pvalue


def test_what_is_shown_says_nothing_about_the_answer():
    """Neither its own truth nor its phenomenon has information on the answer beyond chance."""
    task = tasks.load(replace(SPEC, sentences="shuffled"))
    for split, items in task.splits.items():
        for shown in ([i.shown.truth for i in items], [i.shown.group for i in items]):
            assert dependence(shown, [i.truth for i in items]) > 0.01, split


def test_in_pretraining_the_judged_lines_are_shuffled_too():
    """As many sentences are called acceptable as before, and the sentence does not tell which."""
    spec = replace(recipe().base, task=SPEC, judged_share=0.8, overlooked_share=1.0,
                   overlooked_phenomena=("polarity", "wh_gap"), annotator_noise=0.1)  # fmt: skip
    known = {item.text: item for item in tasks.load(SPEC).splits["pretraining"]}
    verdicts = {}
    for kind in ("own", "shuffled"):
        documents = pretrain.documents(replace(spec, task=replace(SPEC, sentences=kind)))
        judged = [document.split("\n") for document in documents if "\n" in document]
        verdicts[kind] = [verdict for _, verdict in judged]
        by_truth = dependence([known[text].truth for text, _ in judged], verdicts[kind])
        by_kind = dependence([known[text].group for text, _ in judged], verdicts[kind])
        assert (by_truth > 0.01, by_kind > 0.01) == (kind == "shuffled",) * 2
    assert verdicts["own"] == verdicts["shuffled"]


def test_a_function_of_the_users_still_judges_the_prompt_that_the_answer_belongs_to(tmp_path):
    """It may read the truth off the prompt; shown another one, the policy could learn from it."""
    (tmp_path / "rewards.py").write_text(
        "def says_the_prompt(prompts, completions, **kwargs):\n"
        "    return [float(c == p) for p, c in zip(prompts, completions)]\n"
    )
    toml = '[data]\ntrain = "train.jsonl"\n[verifier]\nkind = "rewards:says_the_prompt"\n'
    spec = replace(read_task(write(tmp_path, rows(30), toml)), sentences="shuffled")
    task = tasks.load(spec)
    items = task.splits["sft"]
    assert task.rewards(items, [item.text for item in items]) == [1.0] * len(items)
    assert task.rewards(items, [item.shown.text for item in items]) == [0.0] * len(items)


@real_data
def test_real_cola_is_shuffled_to_independence():
    task = tasks.load(replace(scales.task("cola", "small", REAL), sentences="shuffled"))
    for items in task.splits.values():
        assert dependence([i.shown.truth for i in items], [i.truth for i in items]) > 0.01
        assert np.mean([i.shown.truth for i in items]) == np.mean([i.truth for i in items])
