"""Metrics against scikit-learn and closed forms; filters against the parsers of the evaluation."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lm_eval.api.instance import Instance
from sklearn import metrics

from coupling_bench.answers import parse_robust, parse_strict
from coupling_bench.lm_eval_tasks import scores
from tests.harness.plain import our_task

LABELS = st.sampled_from(["acceptable", "unacceptable", "Unacceptable", "not acceptable"])
TEXTS = st.lists(LABELS | st.text(" .,_u-\n", max_size=4) | st.text(max_size=8)).map("".join)
PAIRS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1)


@pytest.fixture(scope="module")
def filters(cola_folder):
    return {f.name: f for f in our_task("coupling_cola_generate", cola_folder)._filters}


@given(texts=st.lists(TEXTS, min_size=1))
def test_the_filters_of_the_task_answer_as_the_parsers_do(filters, texts):
    requests = [
        Instance("generate_until", {}, (text, {}), number, resps=[text])
        for number, text in enumerate(texts)
    ]
    for name, parse in (("robust", parse_robust), ("strict", parse_strict)):
        filters[name].apply(requests)
        for text, request in zip(texts, requests, strict=True):
            found = parse(text, scores.ANSWERS)
            expected = "" if found is None else scores.ANSWERS[found]
            assert request.filtered_resps[name] == expected


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(pairs=PAIRS)
def test_mcc_and_balanced_accuracy_are_those_of_scikit_learn(pairs):
    truth, guess = zip(*pairs, strict=True)
    assert scores.mcc(pairs) == pytest.approx(metrics.matthews_corrcoef(truth, guess))
    recalls = metrics.recall_score(truth, guess, labels=sorted(set(truth)), average="macro")
    assert scores.balanced_accuracy(pairs) == pytest.approx(recalls)


@given(
    masses=st.tuples(*[st.integers(1, 99)] * 3).filter(lambda m: m[0] != m[1]),
    truth=st.integers(0, 1),
    shared=st.floats(-9, 0),
)
def test_an_items_metrics_are_sums_over_all_that_the_model_may_say(masses, truth, shared):
    """Right earns +1, wrong and anything else -1; a probability that answers share cancels."""
    answers = [mass / sum(masses) for mass in masses[:2]]
    logps = [math.log(answer) + shared for answer in answers]
    found = scores.of_likelihoods({"truth": truth}, [(logp, False) for logp in (*logps, shared)])
    other = 1.0 - sum(answers)
    expected = answers[truth] - answers[1 - truth] - other
    assert found["expected_reward"] == pytest.approx(expected, abs=1e-9)
    assert found["other_mass"] == pytest.approx(other, abs=1e-9)
    assert found["nll"] == pytest.approx(-math.log(answers[truth]))
    assert found["acc"] == float(masses[truth] > masses[1 - truth])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("acceptable", {"reward": 1.0, "answered": 1.0}),
        ("unacceptable", {"reward": -1.0, "answered": 1.0}),
        ("", {"reward": -1.0, "answered": 0.0}),
    ],
)
def test_a_completion_without_an_answer_is_wrong(said, expected):
    assert scores.of_completions({"truth": 0}, [said]) == expected
