"""What a run was asked, typed again: by whom a failed claim is reproduced."""

import shlex

from _pytest.config import get_config

from coupling_bench import again


def parsed(words):
    """The configuration that a command line gives, with nothing loaded but our options."""
    config = get_config()
    config.pluginmanager.import_plugin("coupling_bench.plugin")
    config.option = config._parser.parse_known_args(words)
    return config


def typed(words):
    program, test, *options = shlex.split(again.command(parsed(words), "suites/a.py::a[b c]"))
    assert (program, test) == ("pytest", "suites/a.py::a[b c]")
    return options


def test_options_that_decide_are_typed_again_and_the_others_are_not():
    words = ["--model", "a", "--model", "b c", "--task", "cola", "--scale", "smoke", "--seeds", "5",
             "--set", "grpo.beta=0.04", "--set", "sft.learning_rate=1e-5"]  # fmt: skip
    elsewhere = ["--store", "s", "--reports", "r", "--workers", "2", "-x", "-k", "sft", "-q"]
    assert typed([*elsewhere, *words]) == words
    assert typed(elsewhere) == []
    defaults = ["--task", "grammar", "--seeds", "3", "--device", "auto"]
    assert typed(defaults) == []


def test_every_option_is_known_to_decide_or_not_to():
    """A new option is put on one of the two sides by hand."""
    config = parsed([])
    (group,) = (g for g in config._parser._groups if g.name == "coupling_bench")
    ours = {option.dest for option in group.options}
    undecisive = {"store", "executor", "workers", "reports", "record", "track", "strict_env"} | {
        "plan",
        "plan_json",
        "ray_address",
        "gpus_per_stage",
        "accelerate_config",
    }
    assert ours <= {*again.DECISIVE, *undecisive}
    for name, default in again.DECISIVE.items():
        if name in ours:
            assert getattr(config.option, name) == default
