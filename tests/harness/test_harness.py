"""lm-eval's numbers against the probe's, to the item; answers are kept for each checkpoint."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn import metrics

from coupling_bench import harness, models, probes, scales
from coupling_bench.harness.finding import Checkpoint
from coupling_bench.pipelines import observation
from tests import judges
from tests.harness.plain import plain_lm_eval
from tests.tiny import recipe

LIKELIHOODS = {
    "coupling_cola": ("cola", "held_out"),
    "coupling_cola_ood": ("cola", "out_of_domain"),
    "coupling_grammar": ("grammar", "held_out"),
    "coupling_grammar_ood": ("grammar", "out_of_domain"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint with its one snapshot, which the probe reads."""
    folder = judges.save(tmp_path_factory.mktemp("checkpoint"))
    models.end_snapshots(folder, 0)
    return folder


@pytest.fixture(scope="module")
def observed(folder, cola_folder, tmp_path_factory):
    """What the probe sees: {task: its arrays}."""
    seen = {}
    for name, (task, split) in LIKELIHOODS.items():
        spec = scales.task(task, "small", cola_folder if task == "cola" else None)
        if task == "grammar":
            spec = replace(spec, pretraining_size=0, prompts_size=0)
        place = tmp_path_factory.mktemp(name)
        probes.run(observation(replace(recipe().base, task=spec), 0, split), folder, place)
        with np.load(place / "observation.npz") as arrays:
            seen[name] = dict(arrays)
    return seen


@pytest.fixture
def evaluate(folder, cola_folder, tmp_path):
    """Evaluate the checkpoint with answers kept in a new folder."""

    def call(*tasks, folder=folder, asked=None, **options):
        checkpoint = Checkpoint(folder=folder, **(asked or {}))
        options = {"cache": tmp_path, "data_dir": cola_folder, **options}
        return harness.evaluate(checkpoint, tasks, **options)

    return call


@pytest.fixture
def calls(monkeypatch):
    """Requests that reach the model itself."""
    from lm_eval.models.huggingface import HFLM

    counted = []
    for kind in ("loglikelihood", "generate_until"):
        whole = getattr(HFLM, kind)

        def count(self, requests, *arguments, whole=whole, **options):
            counted.extend(requests)
            return whole(self, requests, *arguments, **options)

        monkeypatch.setattr(HFLM, kind, count)
    return counted


def check_against_the_probe(observed, scores, guesses, nll):
    """Same guess for every item, same log-probability, and scikit-learn's metrics of them."""
    logps, truth = observed["answer_logps"][-1], observed["truth"]
    assert guesses == logps.argmax(axis=1).tolist()
    assert np.abs(np.array(nll) + logps[np.arange(len(truth)), truth]).max() < 1e-4
    assert len(set(guesses)) == len(set(truth.tolist())) == 2
    assert scores["acc"] == pytest.approx(metrics.accuracy_score(truth, guesses))
    assert scores["mcc"] == pytest.approx(metrics.matthews_corrcoef(truth, guesses))
    reward = (2 * np.exp(logps[np.arange(len(truth)), truth]) - 1).mean()
    assert scores["expected_reward"] == pytest.approx(reward, abs=1e-5)


def test_our_evaluation_is_the_probes_to_the_item(evaluate, observed):
    results = evaluate("coupling")
    for task, seen in observed.items():
        guesses = [guess for _, guess in results.values(task, "mcc").values()]
        nll = list(results.values(task, "nll").values())
        check_against_the_probe(seen, results.scores[task], guesses, nll)


def test_plain_lm_eval_is_the_probe_to_the_item(folder, observed, cola_folder, monkeypatch):
    monkeypatch.setenv("COUPLING_BENCH_COLA", str(cola_folder))
    found = plain_lm_eval(folder, *LIKELIHOODS)
    for task, seen in observed.items():
        scores = {key.partition(",")[0]: v for key, v in found["results"][task].items()}
        samples = found["samples"][task]
        guesses = [sample["mcc"][1] for sample in samples]
        check_against_the_probe(seen, scores, guesses, [sample["nll"] for sample in samples])


def test_a_second_evaluation_asks_the_model_nothing_and_finds_the_same(evaluate, calls):
    first = evaluate("coupling", limit=8)
    assert len(calls) == 3 * 8 * 4 + 8  # two answers and what they share; one completion
    calls.clear()
    assert evaluate("coupling", limit=8) == first
    assert calls == []
    evaluate("coupling_grammar", limit=9)
    assert len(calls) == 3


def test_two_checkpoints_with_the_same_requests_keep_their_own_answers(
    evaluate, tmp_path_factory, folder
):
    """lm-eval's own cache would give the second one the answers of the first."""
    other = judges.save(tmp_path_factory.mktemp("other"), seed=2)
    alone = evaluate("coupling_grammar", folder=other, limit=8, cache=tmp_path_factory.mktemp("a"))
    first, second = (evaluate("coupling_grammar", folder=f, limit=8) for f in (folder, other))
    assert first.checkpoint != second.checkpoint
    assert second == alone
    nll = [results.values("coupling_grammar", "nll") for results in (first, second)]
    assert nll[0].keys() == nll[1].keys()
    assert all(nll[0][item] != nll[1][item] for item in nll[0])


def test_a_checkpoint_that_was_trained_on_in_its_place_is_another_one(evaluate, tmp_path_factory):
    place = judges.save(tmp_path_factory.mktemp("place"))
    before = evaluate("coupling_grammar", folder=place, limit=4)
    judges.save(place, seed=3)
    after = evaluate("coupling_grammar", folder=place, limit=4)
    assert before.scores != after.scores


def test_completions_are_drawn_from_the_seed_whatever_was_drawn_before(evaluate, tmp_path_factory):
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    first = evaluate("coupling_cola_generate")
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.rand(1)
    again = evaluate("coupling_cola_generate", cache=tmp_path_factory.mktemp("empty"))
    other = evaluate("coupling_cola_generate", seed=1)
    assert first.items == again.items
    assert first.scores != other.scores


def test_a_checkpoint_is_asked_in_its_own_words_whatever_the_environment_says(
    evaluate, folder, monkeypatch
):
    """What is stored under a checkpoint's name must not depend on a shell."""
    monkeypatch.setenv("COUPLING_BENCH_PROMPT", "is {sentence} right?\n")
    results = evaluate("coupling_cola", asked={"prompt_template": "{sentence} ?\n"}, limit=1)
    item = results.items["coupling_cola"][0]
    prompt, answer = "The cat sleeps 1 times. ?\n", judges.ANSWERS[item["truth"]]
    assert item["nll"] == pytest.approx(-judges.naive_logp(folder, prompt, answer), abs=1e-4)


def test_an_unknown_task_is_refused_with_the_nearest_names(evaluate, monkeypatch):
    from lm_eval import tasks

    whole = tasks.TaskManager  # reading all of lm-eval's own takes seconds

    def ours_alone(*arguments, **options):
        return whole(*arguments, **options | {"include_defaults": False})

    monkeypatch.setattr(tasks, "TaskManager", ours_alone)
    with pytest.raises(ValueError, match=r"no task is called 'coupling_colla'\. The nearest: co"):
        evaluate("coupling_colla")


def test_without_a_network_a_task_of_lm_evals_says_what_is_missing(evaluate, monkeypatch):
    import lm_eval

    def fail(**options):
        raise ConnectionError("Couldn't reach 'nyu-mll/blimp' on the Hub")

    monkeypatch.setattr(lm_eval, "simple_evaluate", fail)
    with pytest.raises(ConnectionError, match=r"be fetched \(Couldn't reach .*coupling_grammar"):
        evaluate("coupling_cola")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_device_is_named(evaluate):
    with pytest.raises(ValueError, match="--device cuda: no CUDA device was found"):
        evaluate("coupling_grammar", device="cuda", limit=1)
