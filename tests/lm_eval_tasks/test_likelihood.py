"""What lm-eval is asked for gives log pi(answer, end | prompt), whatever the tokenizer merges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench import models
from coupling_bench.lm_eval_tasks import likelihood
from tests import judges
from tests.harness.plain import plain_lm_eval


@pytest.fixture(scope="module", params=judges.KINDS)
def folder(request, tmp_path_factory):
    return judges.save(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    places = [judges.save(tmp_path_factory.mktemp(kind), kind) for kind in judges.KINDS]
    return [models.load(place)[1] for place in places]


def test_plain_lm_eval_gives_the_probability_of_one_row_at_a_time(folder):
    """Of the truth, and of both answers together, for prompts that end in a full stop, newline."""
    for sample in plain_lm_eval(folder, "coupling_grammar", limit=8)["samples"]["coupling_grammar"]:
        prompt, truth = sample["doc"]["prompt"], sample["doc"]["truth"]
        logps = [judges.naive_logp(folder, prompt, answer) for answer in judges.ANSWERS]
        assert sample["nll"] == pytest.approx(-logps[truth], abs=1e-4)
        assert sample["acc"] == (logps[truth] == max(logps))


def test_what_the_tokenizers_do_is_what_their_names_say(tokenizers):
    apart, merged, begun = (t.convert_ids_to_tokens(t("cat .\n")["input_ids"]) for t in tokenizers)
    assert apart[-2:] == ["Ġ.", "Ċ"]
    assert merged[-1] == "Ġ.Ċ"
    assert begun[0] == models.PADDING


@given(
    words=st.lists(st.text("ab.! é", min_size=1, max_size=6), min_size=1, max_size=5),
    blanks=st.lists(st.sampled_from([" ", "\n", " \n", "\n\n"]), min_size=5, max_size=5),
    ended=st.booleans(),
)
def test_a_prompt_is_cut_where_its_tokens_are_and_nothing_is_lost(tokenizers, words, blanks, ended):
    text = "x" + "".join(word + blank for word, blank in zip(words, blanks, strict=False))
    prompt = text.rstrip() + ("\n" if ended else ":")
    for tokenizer in tokenizers:
        context, continuations = likelihood.parts(tokenizer, prompt, judges.ANSWERS)
        wholes = [context + continuation for continuation in continuations]
        assert wholes[:2] == [prompt + a + tokenizer.eos_token for a in judges.ANSWERS]
        assert wholes[2:] in ([], [prompt])
        assert context == context.rstrip() != ""
        head, whole = tokenizer.encode(context), tokenizer.encode(prompt)
        assert whole[: len(head)] == head
        assert (len(continuations) == 2) == (head == whole)


def test_a_prompt_that_shares_a_token_with_its_answer_is_refused(tokenizers):
    with pytest.raises(ValueError, match=r"'cat' share a token.* End the prompt with a newl"):
        likelihood.parts(tokenizers[0], "the ", ["cat"])


def test_a_prompt_longer_than_the_context_is_refused_and_not_cut(tokenizers):
    limit = tokenizers[0].model_max_length
    with pytest.raises(ValueError, match=f"tokens; the context holds {limit}"):
        likelihood.parts(tokenizers[0], "x " * limit, judges.ANSWERS)


def test_a_tokenizer_without_an_end_of_sequence_is_refused(folder):
    tokenizer = models.load(folder)[1]
    tokenizer.eos_token = None
    with pytest.raises(ValueError, match="has no end of sequence"):
        likelihood.parts(tokenizer, "x", judges.ANSWERS)


def test_without_a_tokenizer_lm_eval_is_told_how_to_name_one():
    with pytest.raises(ValueError, match=r"coupling_cola: .*Name the tokenizer: --metadata"):
        likelihood.tokenizer_of("coupling_cola", {"version": 1.0})
