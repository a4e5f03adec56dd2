"""What becomes of a run on a bad day: full disks, lost folders, torn logs, another run to go on from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from bespoke_core.errors import InputError
from bespoke_core.events import EventLog, EventReader
from bespoke_core.training import telling
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.errors import TrainingError
from bespoke_core.training.manifest import check_run_folder, write_manifest
from bespoke_core.training.plan import make_plan
from bespoke_core.training.state_header import STATE_FILE, read_header
from bespoke_core.training.work import train_here

Make = Callable[..., TrainingConfig]


def at_step(step: int, deed: Callable[[], Any]) -> Callable[[dict[str, Any]], None]:
    def listen(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] == step:
            deed()

    return listen


def steps(run: Path) -> list[int]:
    return [event["step"] for event in EventReader(run / "events.jsonl").new() if event["event"] == "step"]


def test_a_really_full_disk_is_named_and_the_run_goes_on_when_there_is_room(
    make_config: Make, tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource")
    config, run = make_config(), tmp_path / "run"
    whole = train_here(config, tmp_path / "whole").checkpoints[-1].read_bytes()
    room = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, room[1]))

    try:
        with pytest.raises(TrainingError, match=r"punks.safetensors could not be written.*then resume"):
            train_here(config, run, listen=at_step(4, fill))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, room)
    assert [path.name for path in run.glob("*.safetensors")] == ["punks-000001.safetensors"]
    assert json.loads((run / "run.json").read_text(encoding="utf-8"))["status"] == "failed"
    assert not list(run.rglob(".*.tmp"))
    assert train_here(config, run, resume=True).checkpoints[-1].read_bytes() == whole
    assert steps(run) == [1, 2, 3, 4, 5, 6, 4, 5, 6]


def test_a_log_that_cannot_grow_ends_the_run_with_a_sentence_and_it_goes_on(
    make_config: Make, tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource")
    run, room = tmp_path / "run", resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, ((run / "events.jsonl").stat().st_size + 50, room[1]))

    try:
        with pytest.raises(TrainingError, match=r"The run's log could not.*begins again.*Nor could this be"):
            train_here(make_config(), run, listen=at_step(2, fill))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, room)
    assert len(train_here(make_config(), run, resume=True).checkpoints) == 2
    assert steps(run) == [1, 2, 3, 4, 5, 6]


def test_charts_that_cannot_be_drawn_any_more_end_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(event: str, values: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(telling, "trackers", lambda plan: full)
    told: list[dict[str, Any]] = []
    plan: Any = SimpleNamespace(own_state=tmp_path / "state")
    with EventLog(tmp_path / "events.jsonl") as log:
        tell = telling.teller(plan, log, told.append)
        tell("step", step=1)
        tell("step", step=2)
    assert [event["event"] for event in told] == ["step", "notice", "step"]
    assert "charts could not be written and end here: No space left" in told[1]["text"]
    assert list(EventReader(tmp_path / "events.jsonl").new())[1]["event"] == "notice"


def test_a_folder_that_is_removed_while_it_is_trained_in_stays_removed(
    make_config: Make, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with pytest.raises(TrainingError, match="was removed while it was trained in"):
        train_here(make_config(), run, listen=at_step(2, lambda: shutil.rmtree(run)))
    assert not run.exists()


def test_a_run_whose_folder_was_taken_over_while_the_machine_slept_writes_nothing_more(
    make_config: Make, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    kept: dict[str, bytes] = {}

    def take_over() -> None:
        (run / "run.lock").write_text('{"owner": "77:1", "machine": "elsewhere"}', encoding="utf-8")
        kept.update({path.name: path.read_bytes() for path in run.glob("*.*") if path.suffix != ".jsonl"})

    with pytest.raises(TrainingError, match="Another process has taken over"):
        train_here(make_config(), run, listen=at_step(3, take_over))
    assert kept == {path.name: path.read_bytes() for path in run.glob("*.*") if path.suffix != ".jsonl"}
    assert steps(run) == [1, 2, 3]


def test_a_log_that_was_cut_off_spoils_nothing(make_config: Make, tmp_path: Path) -> None:
    run = tmp_path / "run"

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_here(make_config(), run, listen=at_step(4, stop))
    log = run / "events.jsonl"
    log.write_bytes(log.read_bytes() + b'{"event": "ste')
    train_here(make_config(), run, resume=True)
    told = list(EventReader(log).new())
    assert told[-1]["event"] == "finished"
    assert [event["step"] for event in told if event["event"] == "resumed"] == [3]


def test_a_finished_run_is_trained_for_longer_from_its_state(make_config: Make, tmp_path: Path) -> None:
    first = tmp_path / "first"
    train_here(make_config(), first)
    config = make_config(resume=str(first), max_train_epochs=4, learning_rate=5e-4)
    result = train_here(config, tmp_path / "more")
    assert [path.name for path in result.checkpoints] == ["punks-000003.safetensors", "punks.safetensors"]
    assert steps(tmp_path / "more") == [7, 8, 9, 10, 11, 12]
    with pytest.raises(InputError, match="leaves nothing to train"):
        train_here(make_config(resume=str(first)), tmp_path / "none")


def test_initial_step_begins_within_an_epoch_or_at_its_start(make_config: Make, tmp_path: Path) -> None:
    more = {"initial_step": 4, "save_every_n_steps": 4, "max_train_epochs": 3}
    result = train_here(make_config(skip_until_initial_step=True, **more), tmp_path / "within")
    assert steps(tmp_path / "within") == [5, 6, 7, 8, 9]
    assert [path.name for path in result.checkpoints] == [
        "punks-000002.safetensors",
        "punks.safetensors",
        "punks-step00000008.safetensors",
    ]
    train_here(make_config(**more), tmp_path / "start")
    assert steps(tmp_path / "start") == [4, 5, 6, 7, 8, 9]


def test_a_base_model_with_a_hole_in_it_is_blamed_by_name(
    make_config: Make, tiny_base: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(tiny_base)
    weights["model.diffusion_model.out.2.weight"] *= float("nan")
    save_file(weights, tmp_path / "nan.safetensors")
    config = make_config(pretrained_model_name_or_path=str(tmp_path / "nan.safetensors"))
    with pytest.raises(InputError, match=r"nan\.safetensors: holds a weight .* \(conv_out\.weight\)"):
        train_here(config, tmp_path / "run")
    assert not list((tmp_path / "run").glob("*.safetensors"))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("base", "base.safetensors holds other weights"),
        ("picture", "pictures, captions or how they are shown have changed"),
        ("settings", "settings have changed"),
        ("processes", "1 process shared a batch, and now 2"),
    ],
)
def test_a_run_that_cannot_go_on_says_what_is_not_as_it_was(
    make_config: Make, dataset: Path, tiny_base: Path, tmp_path: Path, change: str, named: str
) -> None:
    base = tmp_path / "base.safetensors"
    shutil.copy(tiny_base, base)
    plan = make_plan(make_config(pretrained_model_name_or_path=str(base)), tmp_path / "run")
    plan.run_folder.mkdir()
    for name in plan.checkpoints:
        save_file({"lora_unet_x.alpha": torch.zeros(1)}, plan.run_folder / name)
    write_manifest(plan, "cancelled")
    other: dict[str, Any] = {}
    if change == "base":
        save_file({**load_file(base), "more": torch.zeros(1)}, base)
    elif change == "picture":
        (dataset / "punk3.txt").write_text("pixel art, lass", encoding="utf-8")
    else:
        other = {"settings": {"learning_rate": 1e-4}, "processes": {"num_processes": 2}}[change]
    again = make_plan(make_config(pretrained_model_name_or_path=str(base), **other), plan.run_folder)
    with pytest.raises(InputError, match=f"another configuration, data set or base model: {named}"):
        check_run_folder(again)


def test_the_loss_scale_of_16_bits_goes_on_with_the_run(make_config: Make, tmp_path: Path) -> None:
    config = make_config(mixed_precision="fp16", learning_rate=1e-4)
    whole = train_here(config, tmp_path / "whole").checkpoints[-1].read_bytes()

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_here(config, tmp_path / "run", listen=at_step(5, stop))
    told = read_header(tmp_path / "run" / STATE_FILE)
    assert told["scaler"]["scale"] > 0 and told["scaler"]["_growth_tracker"] <= 3
    assert train_here(config, tmp_path / "run", resume=True).checkpoints[-1].read_bytes() == whole
