"""The command line of ``pytest suites``: what users may say, checked before anything is trained."""

from __future__ import annotations

import difflib
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest

from coupling_bench import catalog, environment, overrides, pins, scales, tracking
from coupling_bench.bench import Bench
from coupling_bench.catalog import Device, Entry
from coupling_bench.deciding import SCALES_WITHOUT_VERDICT
from coupling_bench.executors import EXECUTORS, Cluster, check_executor, default_workers
from coupling_bench.overrides import Override
from coupling_bench.pipelines import strings
from coupling_bench.specs import LoraSpec
from coupling_bench.stages.launching import Devices
from coupling_bench.store import Store, default_root


def check(config: pytest.Config) -> Bench:
    """Return what the options ask for.

    Raises:
        pytest.UsageError: in one or two sentences, what is wrong and what would be right.
    """
    option = config.option
    if option.scale is not None:
        _one_of("--scale", option.scale, scales.SCALES)
    _one_of("--executor", option.executor, EXECUTORS)
    try:
        check_executor(option.executor)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    _one_of("--device", option.device, get_args(Device))
    seeds = _count("--seeds", option.seeds)
    first = _count("--first-seed", option.first_seed, least=0)
    try:
        entries = _entries(config)
        changes = _overrides(option)
        pipelines = _pipelines(option)
        task_name, data_dir = _task(option, config)
    except (ValueError, FileNotFoundError) as error:
        raise pytest.UsageError(str(error)) from None
    if option.strict_env:
        _check_packages(config)
    cuda = _check_cuda(option, entries)
    devices = _devices(option)
    together = devices.processes if devices else 1
    workers = 1 if cuda else max(1, default_workers() // together)
    bench = Bench(
        entries=entries,
        task_name=task_name,
        data_dir=data_dir,
        scale_asked=option.scale,
        seeds=tuple(range(first, first + seeds)),
        store=Store(Path(option.store).expanduser() if option.store else default_root()),
        executor=option.executor,
        workers=_count("--workers", option.workers) if option.workers else workers,
        references=config.rootpath / "reports" / "reference",
        device=option.device,
        lora=_lora(option),
        overrides=changes,
        pipelines=pipelines,
        lm_eval_tasks=_lm_eval_tasks(option),
        tracker=_tracker(config),
        cluster=_cluster(option, together),
        devices=devices,
    )
    if not option.collectonly:
        try:
            for model in bench.models:
                recipe = bench.recipe(model)
                for text in pipelines:
                    strings.build(text, recipe, first)
        except (ValueError, OSError) as error:
            raise pytest.UsageError(str(error)) from None
    if option.record:
        _check_recordable(config, bench)
    return bench


def _entries(config: pytest.Config) -> tuple[Entry, ...]:
    """Return the models that were asked for, or those that a run takes by itself."""
    option = config.option
    path = Path(option.models) if option.models else config.rootpath / "suites" / "models.toml"
    if option.models and not path.is_file():
        raise FileNotFoundError(f"--models: there is no file {path}.")
    listed = catalog.read(path)
    if option.model:
        asked = [_model(name, listed) for name in dict.fromkeys(option.model)]
    else:
        wanted = _wants_gpu(option.markexpr)
        asked = [e for e in listed.values() if e.default and e.gpu == wanted]
        if not asked:
            raise ValueError(f"no entry of {path} is a default; name a model: --model NAME.")
    unmarked = [entry.name for entry in asked if not entry.gpu]
    if _wants_gpu(option.markexpr) and unmarked:
        raise ValueError(
            f"-m gpu: {unmarked[0]} is not marked gpu, so nothing of it would run. Leave -m gpu "
            "out (--device cuda says where), or list it in suites/models.toml with the mark."
        )
    names = [entry.name for entry in asked]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"--model: two models are called {name!r}. Give one of them a name of its own in "
                "suites/models.toml."
            )
    return tuple(asked)


def _model(asked: str, listed: Mapping[str, Entry]) -> Entry:
    try:
        return catalog.find(asked, listed)
    except ValueError as error:
        raise ValueError(f"--model: {error}") from None


def _overrides(option: Any) -> tuple[Override, ...]:
    from_file = overrides.read(Path(option.recipe)) if option.recipe else []
    return (*from_file, *(overrides.parse(text) for text in option.set or ()))


def _pipelines(option: Any) -> tuple[str, ...]:
    """Return the user's own schedules, each once, known to be some."""
    asked = tuple(dict.fromkeys(text.strip() for text in option.pipeline or ()))
    for text in asked:
        strings.parse(text)
    return asked


def _task(option: Any, config: pytest.Config) -> tuple[str, Path | None]:
    """Return name or path of the task and the folder of its data, read once to be sure of them."""
    name = option.task
    path = (config.invocation_params.dir / name).resolve()
    path = path / "task.toml" if (path / "task.toml").is_file() else path
    own = path.suffix == ".toml"
    if own:
        name = str(path)
    else:
        _one_of("--task", name, scales.TASKS)
    if option.data_dir is not None and name != "cola":
        what = (
            "a task.toml names its own files" if own else "grammar is generated, it reads no file"
        )
        raise ValueError(f"--data-dir: {what}. Did you mean --task cola?")
    folder = Path(option.data_dir).expanduser().resolve() if option.data_dir else None
    scales.task(name, option.scale or "small", folder)
    return name, folder


def _lm_eval_tasks(option: Any) -> tuple[str, ...]:
    if option.lm_eval_tasks is None:
        return ()
    return _names("--lm-eval-tasks", option.lm_eval_tasks)


def _names(option: str, text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))
    if not names:
        raise pytest.UsageError(f"{option}: found {text!r}, needed names with commas between.")
    return names


def _lora(option: Any) -> LoraSpec | None:
    named = ("lora_rank", "lora_alpha", "lora_targets")
    given = [name for name in named if getattr(option, name) is not None]
    if option.peft is None:
        if given:
            raise pytest.UsageError(f"--{given[0].replace('_', '-')} needs --peft lora.")
        return None
    _one_of("--peft", option.peft, ("lora",))
    asked = option.lora_targets
    targets = LoraSpec.targets if asked is None else _names("--lora-targets", asked)
    return LoraSpec(
        rank=_count("--lora-rank", option.lora_rank or str(LoraSpec.rank)),
        alpha=_count("--lora-alpha", option.lora_alpha or str(LoraSpec.alpha)),
        targets=targets,
    )


def _cluster(option: Any, devices: int) -> Cluster:
    """Return what Ray is asked for; refuse what other executors would pass over."""
    for name in ("ray_address", "gpus_per_stage"):
        if option.executor != "ray" and getattr(option, name) is not None:
            raise pytest.UsageError(f"--{name.replace('_', '-')} needs --executor ray.")
    asked = option.gpus_per_stage or str(devices)
    if not re.fullmatch(r"[1-9][0-9]?|0?\.[0-9]{1,4}", asked) or not float(asked):
        raise pytest.UsageError(
            f"--gpus-per-stage: found {asked!r}, needed a whole number from 1 to 99 or a fraction "
            "such as 0.5."
        )
    return Cluster(address=option.ray_address, gpus_per_stage=float(asked))


def _devices(option: Any) -> Devices | None:
    if option.accelerate_config is None:
        return None
    try:
        return Devices.read(Path(option.accelerate_config).expanduser().resolve())
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def _tracker(config: pytest.Config) -> tracking.Tracker | None:
    tool = config.option.track
    if tool is None:
        return None
    _one_of("--track", tool, tracking.TOOLS)
    try:
        tracking.check(tool)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    return tracking.Tracker(tool=tool, folder=reports_folder(config).resolve() / tool)


def lock(config: pytest.Config) -> Path:
    """Return the file of the pinned packages."""
    return config.rootpath / "requirements.lock"


def _check_packages(config: pytest.Config) -> None:
    try:
        pins.check(lock(config))
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def check_folders(store: Path, reports: Path) -> None:
    """Make sure that stages and report can be written before hours are spent on them.

    Raises:
        ValueError: naming the option and the folder.
    """
    for option, folder in (("--store", store), ("--reports", reports)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise ValueError(
                f"{option}: {folder} cannot be written to ({error.strerror}). Name another folder."
            ) from None


def reports_folder(config: pytest.Config) -> Path:
    """Return where page and record go."""
    chosen = config.option.reports
    return Path(chosen) if chosen else config.rootpath / "reports" / "latest"


def _one_of(option: str, value: str, valid: Sequence[str]) -> None:
    if value in valid:
        return
    near = difflib.get_close_matches(value, valid, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise pytest.UsageError(
        f"{option}: {value!r} is unknown; valid names: {', '.join(valid)}.{hint}"
    )


def _count(option: str, text: str, least: int = 1) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) < least:
        raise pytest.UsageError(
            f"{option}: found {text!r}, needed a whole number from {least} to 9999."
        )
    return int(text)


def _wants_gpu(mark_expression: str) -> bool:
    wanted = re.search(r"\bgpu\b", mark_expression)
    return bool(wanted) and "not gpu" not in mark_expression


def _check_cuda(option: Any, entries: Sequence[Entry]) -> bool:
    """Return whether a model runs on CUDA; refuse where there is none and one is needed."""
    if option.device == "cpu":
        return False
    if option.device == "cuda" and option.executor == "ray":
        return True  # the cluster's nodes need one, and the executor asks them
    needs = [entry.name for entry in entries if entry.gpu or option.device == "cuda"]
    if needs and not catalog.cuda_is_there():
        raise pytest.UsageError(
            f"{needs[0]} needs a CUDA device, and none was found (torch.cuda.is_available() is "
            "False). Run on a machine with one, take another model (pytest suites), or wait for a "
            "CPU: --device cpu"
        )
    return bool(needs) or any(e.source is not None and catalog.cuda_is_there() for e in entries)


def _check_recordable(config: pytest.Config, bench: Bench) -> None:
    if any(bench.scale(model) in SCALES_WITHOUT_VERDICT for model in bench.models):
        raise pytest.UsageError(
            f"--record: the scale {bench.scale_asked} gives no verdicts to accept. Run it at "
            "--scale small."
        )
    if bench.pipelines:
        raise pytest.UsageError(
            "--record: verdicts are accepted of the schedules that every run has. Leave --pipeline "
            "out."
        )
    state = environment.git_state(config.rootpath)
    if state["commit"] is None:
        raise pytest.UsageError(
            f"--record: {config.rootpath} is no git checkout, so an accepted verdict would name no "
            "commit. Run it in a clone."
        )
    if state["dirty"]:
        raise pytest.UsageError(
            "--record: the working tree has uncommitted changes, so an accepted verdict would name "
            "the wrong code. Commit or stash them first."
        )
