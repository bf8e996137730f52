"""Answers are asked for once, and given back as they were given."""

import pytest
from lm_eval.api.instance import Instance

from coupling_bench.harness import remembering
from coupling_bench.harness.remembering import Remembering

SAMPLED, GREEDY = {"do_sample": True}, {"do_sample": False}


class Speaker:
    """Answers with a number that counts, so that no two answers are alike."""

    def __init__(self):
        self.asked = []

    def _answer(self, kind, requests):
        self.asked += [(kind, request.args) for request in requests]
        return len(self.asked)

    def loglikelihood(self, requests, disable_tqdm):
        last = self._answer("loglikelihood", requests)
        return [(-0.1 / (last + number), False) for number in range(len(requests))]

    def loglikelihood_rolling(self, requests, disable_tqdm):
        return [-float(self._answer("rolling", [request])) for request in requests]

    def generate_until(self, requests, disable_tqdm):
        return [f"said {self._answer('generate', [request])}" for request in requests]


@pytest.fixture
def speaker():
    return Speaker()


@pytest.fixture
def remember(speaker, tmp_path):
    loaded = []

    def make(seed=0):
        def load():
            loaded.append(1)
            return speaker

        return Remembering(load=load, file=tmp_path / "a" / "b.sqlite", seed=seed, draws=[seed])

    make.loaded = loaded
    return make


def requests(kind, *arguments):
    return [Instance(kind, {}, given, number) for number, given in enumerate(arguments)]


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("loglikelihood", [("a", "x"), ("a", "y"), ("a", "x")]),
        ("loglikelihood_rolling", [("a",), ("b",), ("a",)]),
        ("generate_until", [("a", GREEDY), ("b", GREEDY), ("a", GREEDY)]),
    ],
)
def test_equal_requests_are_asked_once_and_never_again(remember, speaker, kind, arguments):
    with remember() as model:
        first = getattr(model, kind)(requests(kind, *arguments))
    assert len(speaker.asked) == 2
    assert first[0] == first[2] != first[1]
    with remember() as model:
        assert getattr(model, kind)(requests(kind, *arguments)) == first
    assert len(speaker.asked) == 2
    assert len(remember.loaded) == 1


def test_samples_of_one_request_differ_and_are_given_back_in_their_order(remember):
    drawn = requests("generate_until", ("a", SAMPLED), ("a", GREEDY), ("a", SAMPLED))
    with remember() as model:
        first = model.generate_until(drawn)
        assert len(set(first)) == 3
        assert model.generate_until(drawn) == first


def test_samples_belong_to_their_seed_and_to_all_that_were_drawn_with_them(remember, speaker):
    drawn = requests("generate_until", ("a", SAMPLED), ("b", SAMPLED))
    with remember() as model, remember(seed=1) as other:
        first = model.generate_until(drawn)
        assert not set(model.generate_until(drawn[:1])) & set(first)
        assert not set(other.generate_until(drawn)) & set(first)
    assert len(speaker.asked) == 5


def test_what_was_answered_before_a_failure_is_kept(remember, speaker, monkeypatch):
    monkeypatch.setattr(remembering, "CHUNK", 2)
    asked = requests("loglikelihood", *[("a", str(n)) for n in range(5)])
    whole, limit = Speaker.loglikelihood, 4

    def fail(self, some, disable_tqdm):
        if len(self.asked) >= limit:
            raise RuntimeError("out of memory")
        return whole(self, some, disable_tqdm)

    monkeypatch.setattr(Speaker, "loglikelihood", fail)
    with remember() as model, pytest.raises(RuntimeError):
        model.loglikelihood(asked)
    monkeypatch.setattr(Speaker, "loglikelihood", whole)
    with remember() as model:
        model.loglikelihood(asked)
    assert len(speaker.asked) == 5


def test_a_damaged_file_is_named(remember, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.sqlite").write_text("no database, but long enough to be read as one" * 9)
    with pytest.raises(ValueError, match=r"b\.sqlite cannot be used .*Delete that file"):
        remember()
