"""A checkpoint is found by the names that users have for it, and asked as the probe asks it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from coupling_bench import checkpoints, harness, models, probes, scales
from coupling_bench.harness import finding
from coupling_bench.harness.finding import Checkpoint
from coupling_bench.pipelines import observation
from coupling_bench.specs import LoraSpec
from coupling_bench.store import Store
from tests import architectures, judges
from tests.harness.plain import plain_lm_eval

SPEC = {
    "kind": "GRPOSpec",
    "task": {"kind": "ColaSpec", "prompt_template": "{sentence} ?\n"},
    "start": {
        "kind": "SFTSpec",
        "task": {},
        "start": {"kind": "CheckpointSpec", "name": "m", "prompts": "chat"},
    },
}
KINDS = {
    "qwen3 chat": ("qwen3", {"chat": True}),
    "llama chat with a beginning of sequence": ("llama", {"chat": True, "beginning": True}),
    "gpt2 plain, no padding token": ("gpt2", {"tie_word_embeddings": True, "pad": False}),
}


def entry(folder, spec=SPEC, config="config.json"):
    folder.mkdir(parents=True)
    (folder / config).write_text("{}")
    (folder / "manifest.json").write_text(json.dumps({"spec": spec}))
    return folder


@pytest.fixture
def store(tmp_path):
    root = tmp_path / "store"
    for name in ("SFTSpec-3f9a1c22b0de", "SFTSpec-3f9b00000000"):
        entry(root / name)
    entry(root / "GRPOSpec-000000000000", config="adapter_config.json")
    (root / "ObservationSpec-111111111111").mkdir()
    (root / "ObservationSpec-111111111111" / "manifest.json").write_text("{}")
    return Store(root)


@pytest.fixture
def find(store, tmp_path):
    return lambda asked: finding.find(asked, store, tmp_path / "models.toml", "cpu")


@pytest.mark.parametrize("asked", ["SFTSpec-3f9a1c22b0de", "SFTSpec-3f9a"])
def test_an_address_or_its_beginning_names_an_entry(find, store, asked):
    found = find(asked)
    assert (found.name, found.folder) == (found.folder.name, store.root / "SFTSpec-3f9a1c22b0de")
    assert (found.chats, found.prompt_template) == (True, "{sentence} ?\n")
    assert find(str(found.folder)) == found


def test_a_beginning_of_two_addresses_is_refused_with_both(find):
    with pytest.raises(ValueError, match=r"fits 2 entries: SFTSpec-3f9a1c22b0de, SFTSpec-3f9b"):
        find("SFTSpec-3f9")


@pytest.mark.parametrize("asked", ["SFTSpec-3f9a1c22b0dd", "ObservationSpec-111111111111"])
def test_what_is_no_checkpoint_is_refused_with_the_nearest(find, asked):
    with pytest.raises(FileNotFoundError, match=r"is unknown.* has 3, the nearest: \w+Spec-"):
        find(asked)


def test_an_empty_store_says_how_to_fill_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no checkpoints; pytest suites trains some"):
        finding.find("SFTSpec-1", Store(tmp_path / "none"), tmp_path / "models.toml")


def test_a_model_that_is_pretrained_here_has_to_be_named_by_its_stage(find, tmp_path):
    shape = "vocab_size=300\nhidden_size=8\nintermediate_size=8\nnum_hidden_layers=1\n"
    shape += "num_attention_heads=1\nnum_key_value_heads=1\nhead_dim=8\nmax_position_embeddings=9"
    (tmp_path / "models.toml").write_text(f"[small.shape]\n{shape}\n")
    with pytest.raises(ValueError, match=r"small is pretrained here.* Name one of its stages"):
        find("small")


def test_a_damaged_manifest_is_named(find, store):
    (store.root / "GRPOSpec-000000000000" / "manifest.json").write_text("{")
    with pytest.raises(ValueError, match=r"manifest\.json is damaged"):
        find("GRPOSpec")


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_from_elsewhere_is_asked_as_the_probe_asks_it(kind, tmp_path):
    """With its template, its end of turn and its beginning of sequence; to the item."""
    architecture, options = KINDS[kind]
    folder = architectures.save(architecture, tmp_path / "model", **options)
    store = Store(tmp_path / "store")
    threads = torch.get_num_threads()
    found = finding.find(str(folder), store, tmp_path / "models.toml", "cpu")
    assert torch.get_num_threads() == threads
    results = harness.evaluate(found, ["coupling_grammar_ood"], cache=tmp_path)

    model = checkpoints.find(str(folder), name="model", device="cpu")
    task = replace(scales.task("grammar", "small"), pretraining_size=0, prompts_size=0)
    base = scales.recipe(model, task, "small").base
    (tmp_path / "seen").mkdir()
    asked = replace(observation(base, 0, "out_of_domain"), temperatures=())
    probes.run(asked, found.folder, tmp_path / "seen")
    with np.load(tmp_path / "seen" / probes.ARRAYS) as seen:
        logps, truth = seen["answer_logps"][-1], seen["truth"]
    guesses = [guess for _, guess in results.values("coupling_grammar_ood", "mcc").values()]
    assert guesses == logps.argmax(axis=1).tolist()
    nll = np.array(list(results.values("coupling_grammar_ood", "nll").values()))
    assert np.abs(nll + logps[np.arange(len(truth)), truth]).max() < 1e-3


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_adapters_score_as_the_merged_model_and_not_as_their_base(tmp_path):
    base, adapters, merged = (tmp_path / name for name in ("base", "adapters", "merged"))
    judges.save(base)
    model, tokenizer = models.load(base)
    torch.manual_seed(0)
    adapted = models.adapt(model, LoraSpec())
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    adapters.mkdir()
    models.save(adapted, tokenizer, adapters, start=base)
    models.save(adapted.merge_and_unload(), tokenizer, merged)
    seen = [
        harness.evaluate(Checkpoint(folder=f), ["coupling_grammar"], cache=tmp_path, limit=8)
        for f in (base, adapters, merged)
    ]
    nll = [list(results.values("coupling_grammar", "nll").values()) for results in seen]
    assert nll[1] == pytest.approx(nll[2], abs=1e-3)
    assert nll[1] != pytest.approx(nll[0], abs=1e-1)


def test_plain_lm_eval_scores_a_chat_as_we_do(tmp_path, monkeypatch):
    """With its own ``--apply_chat_template`` and a prompt that does not end in a newline."""
    folder = architectures.save("llama", tmp_path / "model", chat=True, beginning=True)
    found = finding.find(str(folder), Store(tmp_path / "store"), tmp_path / "models.toml", "cpu")
    ours = harness.evaluate(found, ["coupling_grammar"], cache=tmp_path, limit=8)
    monkeypatch.setenv("COUPLING_BENCH_PROMPT", found.prompt_template.strip())
    plain = plain_lm_eval(
        found.folder, "coupling_grammar", limit=8, apply_chat_template=True,
        model_args={"enable_thinking": False},
    )  # fmt: skip
    nll = [sample["nll"] for sample in plain["samples"]["coupling_grammar"]]
    assert nll == pytest.approx(list(ours.values("coupling_grammar", "nll").values()), abs=1e-4)


def test_adapters_over_another_base_are_another_checkpoint(tmp_path):
    digests = set()
    for number in range(2):
        adapters, base = tmp_path / f"adapters{number}", tmp_path / f"base{number}"
        for folder, weights in ((adapters, b""), (base, str(number).encode())):
            folder.mkdir()
            (folder / "model.safetensors").write_bytes(weights)
        (adapters / "base").symlink_to(base)
        digests.add(finding.digest(adapters))
    assert len(digests) == 2


def test_the_digest_is_that_of_the_content_wherever_it_lies(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    judges.save(here)
    judges.save(there)
    (there / "manifest.json").write_text("{}")
    models.end_snapshots(there, 0)
    assert finding.digest(here) == finding.digest(there)
    judges.save(there, seed=2)
    assert finding.digest(here) != finding.digest(there)
