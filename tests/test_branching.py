"""Sampling from shared prompts against closed forms and against transformers' own generate."""

import collections
import itertools
import math

import pytest
import torch
from scipy import stats
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

from coupling_bench import branching

VOCABULARY, END, PADDING, LENGTH = 6, 0, 1, 3
PROMPTS = [[2, 3, 4, 5, 2], [3], [4, 4, 2]]
WARPS = {
    "plain": {"temperature": 1.0},
    "tempered": {"temperature": 2.5},
    "top_p": {"temperature": 4.0, "top_p": 0.8},
    "top_k": {"temperature": 3.0, "top_k": 3},
    "min_p": {"temperature": 3.0, "min_p": 0.2},
}


@pytest.fixture(scope="module", params=["qwen3", "gpt2"])
def policy(request):
    torch.manual_seed(3)
    config = AutoConfig.for_model(
        request.param, vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, head_dim=8, intermediate_size=32,
        max_position_embeddings=32, initializer_range=0.4,
        eos_token_id=END, pad_token_id=PADDING, bos_token_id=None,
    )  # fmt: skip
    return AutoModelForCausalLM.from_config(config).eval()


def next_token(model, ids, warp):
    """Probabilities of the next token, one unpadded row at a time, warped by hand."""
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids])).logits[0, -1].double()
    p = torch.softmax(logits / warp["temperature"], dim=-1)
    ranked, order = p.sort(descending=True)
    keep = torch.ones(VOCABULARY, dtype=torch.bool)
    if "top_k" in warp:
        keep = torch.arange(VOCABULARY) < warp["top_k"]
    if "top_p" in warp:
        keep = ranked.cumsum(0) - ranked < warp["top_p"]
    if "min_p" in warp:
        keep = ranked >= warp["min_p"] * ranked[0]
    kept = torch.zeros_like(p)
    kept[order[keep]] = p[order[keep]]
    return (kept / kept.sum()).tolist()


def completions(model, prompt, warp):
    """Every possible completion with its probability."""
    open_, closed = {(): 1.0}, {}
    for _ in range(LENGTH):
        grown = {}
        for begun, mass in open_.items():
            for token, p in enumerate(next_token(model, prompt + list(begun), warp)):
                if p > 0:
                    (closed if token == END else grown)[(*begun, token)] = mass * p
        open_ = grown
    return closed | open_


def draw(model, copies, warp):
    torch.manual_seed(11)
    with torch.inference_mode():
        return branching.sample(
            model, branching.trunk(model, PROMPTS, PADDING), [copies] * len(PROMPTS),
            max_new_tokens=LENGTH, ends=[END], warp=branching.warpers(**warp),
        )  # fmt: skip


def chi_square(observed, expected):
    """p-value of counts against expected counts; what is rarer than 5 is put together."""
    common = [k for k in expected if expected[k] >= 5]
    rest = sum(expected.values()) - sum(expected[k] for k in common)
    found = [observed[k] for k in common]
    found, wanted = [*found, sum(observed.values()) - sum(found)], [expected[k] for k in common]
    keep = rest > 1e-9
    return stats.chisquare(
        found[: None if keep else -1], [*wanted, rest] if keep else wanted
    ).pvalue


@pytest.mark.parametrize("name", WARPS)
def test_completions_follow_the_enumerated_distribution_of_their_prompt(policy, name):
    copies = 4000
    sampled = draw(policy, copies, WARPS[name])
    for number, prompt in enumerate(PROMPTS):
        p = completions(policy, prompt, WARPS[name])
        assert sum(p.values()) == pytest.approx(1, abs=1e-9)
        found = collections.Counter(map(tuple, sampled[number * copies : (number + 1) * copies]))
        assert set(found) <= set(p)
        expected = {k: v * copies for k, v in p.items()}
        assert chi_square(found, expected) > 1e-4, (name, number)


@pytest.mark.parametrize("name", ["tempered", "top_p", "top_k", "min_p"])
def test_completions_follow_the_distribution_of_transformers_generate(policy, name):
    """Two samples, ours and theirs, are told apart by no chi-square test."""
    copies, warp = 3000, WARPS[name]
    ids, mask = branching.pad_left([p for p in PROMPTS for _ in range(copies)], PADDING, "cpu")
    torch.manual_seed(12)
    output = policy.generate(
        input_ids=ids, attention_mask=mask,
        generation_config=GenerationConfig(
            do_sample=True, max_new_tokens=LENGTH, eos_token_id=END, pad_token_id=PADDING,
            **({"top_k": 0} | warp),
        ),
    )[:, ids.shape[1] :].tolist()  # fmt: skip
    theirs = [row[: row.index(END) + 1] if END in row else row for row in output]
    ours = draw(policy, copies, warp)
    for number in range(len(PROMPTS)):
        part = slice(number * copies, (number + 1) * copies)
        a, b = (collections.Counter(map(tuple, rows[part])) for rows in (ours, theirs))
        common = [k for k in a | b if a[k] + b[k] >= 10]
        table = [[c[k] for k in common] + [copies - sum(c[k] for k in common)] for c in (a, b)]
        columns = [column for column in zip(*table, strict=True) if sum(column)]
        assert stats.chi2_contingency(list(zip(*columns, strict=True))).pvalue > 1e-4


def test_completions_of_one_prompt_are_independent(policy):
    """Pairs of completions of one prompt are as often equal as two independent draws."""
    warp, copies = WARPS["tempered"], 2
    torch.manual_seed(13)
    with torch.inference_mode():
        trunk = branching.trunk(policy, PROMPTS[:1], PADDING)
        pairs = [
            branching.sample(
                policy,
                trunk,
                [copies],
                max_new_tokens=1,
                ends=[END],
                warp=branching.warpers(**warp),
            )
            for _ in range(1500)
        ]
    p = torch.tensor(next_token(policy, PROMPTS[0], warp))
    equal = sum(a == b for a, b in pairs)
    assert stats.binomtest(equal, len(pairs), float((p**2).sum())).pvalue > 1e-4


def test_answers_score_as_one_unpadded_row_at_a_time(policy):
    answers = [[2, END], [3, 4, 5, END], [3, 2, END], [END]]
    temperatures = (1.0, 0.5, 3.0)
    with torch.inference_mode():
        trunk = branching.trunk(policy, PROMPTS, PADDING)
        after_each = [[answer] * len(PROMPTS) for answer in answers]
        found = branching.answer_logps(policy, trunk, after_each, temperatures)
    for (k, t), (i, prompt), (a, answer) in itertools.product(
        *map(enumerate, (temperatures, PROMPTS, answers))
    ):
        ids, expected = list(prompt), 0.0
        for token in answer:
            expected += math.log(next_token(policy, ids, {"temperature": t})[token])
            ids.append(token)
        assert found[k, i, a].item() == pytest.approx(expected, abs=1e-5)


def test_a_branch_leaves_the_trunk_as_it_is(policy):
    with torch.inference_mode():
        trunk = branching.trunk(policy, PROMPTS, PADDING)
        before = [layer.keys.clone() for layer in trunk.cache.layers]
        branching.answer_logps(policy, trunk, [[[2, 3, END]] * len(PROMPTS)])
    assert all(torch.equal(a, b.keys) for a, b in zip(before, trunk.cache.layers, strict=True))


@pytest.mark.parametrize(
    ("architecture", "attention", "reason"),
    [
        ("qwen3", "sdpa", None),
        ("qwen3", "eager", None),
        ("qwen3", "flash_attention_2", "flash_attention_2"),
        ("mistral", "sdpa", "DynamicSlidingWindowLayer"),
        ("bloom", "sdpa", "position_ids"),
    ],
)
def test_a_model_that_cannot_branch_says_why(architecture, attention, reason):
    config = AutoConfig.for_model(
        architecture, vocab_size=8, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, intermediate_size=8,
    )  # fmt: skip
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    model.config._attn_implementation = attention
    found = branching.obstacle(model)
    assert found is None if reason is None else reason in found
