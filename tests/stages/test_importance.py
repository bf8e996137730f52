"""PEAR's weights by their definition, and what the demonstrators give each token."""

import math
from dataclasses import fields

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench.pipelines import NODES
from coupling_bench.specs import PEARSpec, SFTSpec
from coupling_bench.stages.demonstrator_logps import conditionals
from coupling_bench.stages.importance import log_weights
from coupling_bench.tasks.arithmetic import support
from tests.tiny import recipe

SFT = NODES["sft"](recipe(), 0)
SHARED = {field.name: getattr(SFT, field.name) for field in fields(SFTSpec)}
UNCLIPPED = {"delta_clip": (-1e9, 1e9), "log_weight_clip": (-1e9, 1e9)}


def spec(**options) -> PEARSpec:
    return PEARSpec(**SHARED | options)


LOGPS = st.lists(
    st.lists(st.tuples(st.floats(-40, 0), st.floats(-40, 0)), min_size=1, max_size=12),
    min_size=1, max_size=5,
)  # fmt: skip
"""log pi_theta and log pi_beta of each token of some responses."""
OPTIONS = st.fixed_dictionaries({
    "level": st.sampled_from(["token", "block", "sequence"]),
    "block_size": st.integers(1, 6),
    "gamma": st.sampled_from([0.5, 0.999, 1.0]),
    "delta_clip": st.sampled_from([(-0.08, 0.3), (-2.0, 1.0)]),
    "log_weight_clip": st.sampled_from([(-10.0, 5.0), (-1.0, 0.5)]),
})  # fmt: skip


def tensors(responses, width=0):
    """Policy, demonstrator and mask of ragged responses, padded to their longest and more."""
    width += max(map(len, responses))
    shape = len(responses), width
    policy, demonstrator = torch.full(shape, -7.0), torch.full(shape, -3.0)
    mask = torch.zeros(shape, dtype=torch.bool)
    for row, response in enumerate(responses):
        policy[row, : len(response)] = torch.tensor([one for one, _ in response])
        demonstrator[row, : len(response)] = torch.tensor([other for _, other in response])
        mask[row, : len(response)] = True
    return policy, demonstrator, mask


def by_definition(response, s):
    """Log-weights of one response, token after token, as the formulas are written."""
    low, high = s.delta_clip
    pairs = torch.tensor(response)
    deltas = [min(max(float(a) - float(b), low), high) for a, b in pairs]
    length = len(deltas)
    size = {"token": 1, "block": s.block_size, "sequence": length}[s.level]
    logs = []
    for t in range(length):
        end = min((t // size + 1) * size, length)
        discounted = (length - end) * math.log(s.gamma) + math.fsum(deltas[end:])
        log = math.fsum(deltas) if s.level == "sequence" else discounted
        logs.append(min(max(log, s.log_weight_clip[0]), s.log_weight_clip[1]))
    return logs


@given(LOGPS, OPTIONS, st.integers(0, 5))
def test_weights_are_those_of_the_formulas_whatever_the_padding(responses, options, padding):
    """Also: they lie within their bounds, and what is no token has none."""
    s = spec(**options)
    found = log_weights(*tensors(responses, padding), s)
    for row, response in zip(found, responses, strict=True):
        wanted = by_definition(response, s)
        assert row[: len(response)].tolist() == pytest.approx(wanted, abs=1e-5)
        assert row[len(response) :].tolist() == [0.0] * (len(row) - len(response))
        assert s.log_weight_clip[0] <= row.min() <= row.max() <= s.log_weight_clip[1]


@given(LOGPS, OPTIONS)
def test_weights_are_one_where_policy_and_demonstrator_agree(responses, options):
    policy, _, mask = tensors(responses)
    logs = log_weights(policy, policy, mask, spec(**options | {"gamma": 1.0}))
    assert logs.tolist() == torch.zeros_like(logs).tolist()


@given(LOGPS, OPTIONS)
def test_a_block_of_one_is_a_token_and_the_last_has_weight_one(responses, options):
    given = tensors(responses)
    token = log_weights(*given, spec(**options | {"level": "token"}))
    block = log_weights(*given, spec(**options | {"level": "block", "block_size": 1}))
    assert torch.equal(token, block)
    assert [row[len(one) - 1] for row, one in zip(token, responses, strict=True)] == [0] * len(
        token
    )


@given(LOGPS)
def test_the_weight_of_a_sequence_is_the_product_of_its_ratios(responses):
    policy, demonstrator, mask = tensors(responses)
    logs = log_weights(policy, demonstrator, mask, spec(level="sequence", **UNCLIPPED))
    products = [
        math.fsum(one) - math.fsum(other)
        for one, other in (zip(*r, strict=True) for r in responses)
    ]
    assert logs[:, 0].tolist() == pytest.approx(products, abs=1e-4)


@given(LOGPS, OPTIONS, st.data())
def test_a_likelier_token_never_lowers_a_weight(responses, options, data):
    policy, demonstrator, mask = tensors(responses)
    row = data.draw(st.integers(0, len(responses) - 1))
    raised = policy.clone()
    raised[row, data.draw(st.integers(0, len(responses[row]) - 1))] += data.draw(st.floats(0, 5))
    s = spec(**options)
    before, after = (log_weights(p, demonstrator, mask, s) for p in (policy, raised))
    assert (after >= before).all()


@given(st.sampled_from([0.0, -1e-30, -1e4, -1e30, -math.inf]), OPTIONS)
def test_extreme_log_probabilities_leave_weights_finite(extreme, options):
    policy, demonstrator, mask = tensors([[(extreme, -0.1)] * 9, [(-0.1, -1e30)] * 4])
    assert log_weights(policy, demonstrator, mask, spec(**options)).isfinite().all()


def test_no_gradient_flows_through_weights():
    policy = torch.randn(2, 3, requires_grad=True)
    mask = torch.ones(2, 3, dtype=torch.bool)
    assert not log_weights(policy, torch.randn(2, 3), mask, spec()).requires_grad


def test_the_demonstrators_tokens_have_the_mass_of_the_answers_that_go_on_with_them():
    """Three answers share a beginning; one is another's beginning, and its end is a token."""
    rows = [{"labels": [-100, *tokens]} for tokens in ([5, 6, 9], [5, 9], [7, 9], [8, 9])]
    found = [conditionals(rows, [0.3, 0.1, 0.6, 0.0], shown) for shown in range(4)]
    assert [math.exp(one) for one in found[0]] == pytest.approx([0.4, 0.75, 1.0])
    assert [math.exp(one) for one in found[1]] == pytest.approx([0.4, 0.25])
    assert [math.exp(one) for one in found[2]] == pytest.approx([0.6, 1.0])
    assert found[3][0] == -math.inf


@given(st.integers(0, 7), st.floats(0.05, 0.5), st.floats(0.1, 0.9))
def test_the_tokens_of_a_derivation_have_its_probability_together(shown, slip_rate, share):
    """p_D(y) is the product over its tokens, here characters, and the end."""
    answers = support((7, 10, 5), slip_rate, share)
    rows = [{"labels": [*map(ord, text), 0]} for text, _ in answers]
    shares = [chance for _, chance in answers]
    found = conditionals(rows, shares, shown)
    assert math.fsum(found) == pytest.approx(math.log(shares[shown]))
    assert max(found) <= 1e-12


@pytest.mark.parametrize(
    ("field", "value"),
    [("gamma", 0.0), ("gamma", 1.1), ("block_size", 0), ("delta_clip", (0.3, -0.08))],
)
def test_values_that_give_no_weights_are_refused(field, value):
    with pytest.raises(ValueError, match=f"PEARSpec: {field} is "):
        spec(**{field: value})
