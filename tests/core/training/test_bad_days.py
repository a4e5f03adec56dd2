"""Bad days with real parts: a disk that is really full, data that change, a process that is put to sleep."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from disks import disk_of
from PIL import Image

from bespoke_core.cli import main
from bespoke_core.errors import InputError
from bespoke_core.events import EventReader
from bespoke_core.training import loop
from bespoke_core.training.config import TrainingConfig, to_toml
from bespoke_core.training.errors import TrainingError
from bespoke_core.training.kohya_file import is_whole
from bespoke_core.training.state_header import STATE_FILE, read_header
from bespoke_core.training.work import train_here

Make = Callable[..., TrainingConfig]
_ASLEEP = 4.0
"""Seconds: far more than a step of the tiny base takes."""


def at_step(step: int, deed: Callable[[], Any]) -> Callable[[dict[str, Any]], None]:
    def listen(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] == step:
            deed()

    return listen


def stop() -> None:
    raise KeyboardInterrupt


def steps(run: Path) -> list[int]:
    return [event["step"] for event in EventReader(run / "events.jsonl").new() if event["event"] == "step"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 100 MiB of its own, where this user may make one: a run's plan asks for 64 MiB to spare."""
    with disk_of("100m", tmp_path / "disk") as disk:
        yield disk


def fill(disk: Path, leaving: int) -> None:
    """Fill a disk until so many bytes are left."""
    with (disk / "filler").open("wb") as file:
        file.write(bytes(shutil.disk_usage(disk).free - leaving))


@pytest.mark.parametrize(
    ("every", "step", "what", "kept"), [(None, 3, "punks-000001.safetensors", None), (1, 4, "The state", 3)]
)
def test_a_full_disk_is_one_sentence_nothing_is_spoilt_and_the_run_goes_on_when_there_is_room(
    make_config: Make,
    small_disk: Path,
    tmp_path: Path,
    every: int | None,
    step: int,
    what: str,
    kept: int | None,
) -> None:
    config = make_config(save_state_every_n_steps=every, max_train_epochs=2)
    whole = train_here(config, tmp_path / "whole")
    run = small_disk / "run"
    with pytest.raises(TrainingError, match=rf"^{what} could not be written: .*, then resume") as told:
        train_here(config, run, listen=at_step(step, lambda: fill(small_disk, 40_960)))
    assert "\n" not in str(told.value)
    assert not list(run.rglob(".*.tmp"))
    assert all(is_whole(path) for path in run.glob("*.safetensors"))
    state = run / STATE_FILE
    assert (read_header(state)["place"]["step"] if state.is_file() else None) == kept
    (small_disk / "filler").unlink()
    again = train_here(config, run, resume=True)
    assert [path.read_bytes() for path in again.checkpoints] == [
        path.read_bytes() for path in whole.checkpoints
    ]


def replaced(dataset: Path) -> None:
    Image.new("RGB", (24, 24), "red").save(dataset / "punk2.png")


def edited(dataset: Path) -> None:
    (dataset / "punk2.txt").write_text("pixel art, lass", encoding="utf-8")


def deleted(dataset: Path) -> None:
    for ending in (".png", ".txt"):
        (dataset / f"punk2{ending}").unlink()


@pytest.mark.parametrize("change", [replaced, edited, deleted])
def test_a_data_set_that_changes_while_it_is_trained_on_changes_nothing_in_that_run(
    make_config: Make, dataset: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    whole = train_here(make_config(), tmp_path / "whole").checkpoints[-1].read_bytes()
    result = train_here(make_config(), tmp_path / "run", listen=at_step(1, lambda: change(dataset)))
    assert result.checkpoints[-1].read_bytes() == whole


@pytest.mark.parametrize("change", [replaced, deleted])
def test_pictures_that_are_read_at_each_step_are_named_when_they_change(
    make_config: Make, dataset: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    run = tmp_path / "run"
    with pytest.raises(InputError, match=r"punk2\.png"):
        train_here(make_config(cache_latents=False), run, listen=at_step(1, lambda: change(dataset)))
    assert all(is_whole(path) for path in run.glob("*.safetensors"))


@pytest.mark.parametrize("change", [replaced, edited, deleted])
def test_a_data_set_that_changes_between_a_stop_and_going_on_is_told_and_spoils_nothing(
    make_config: Make,
    dataset: Path,
    tmp_path: Path,
    change: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, toml = tmp_path / "run", tmp_path / "lads.toml"
    toml.write_text(to_toml(make_config()), encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        train_here(make_config(), run, listen=at_step(5, stop))
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    change(dataset)
    for words in (["train", str(toml), "--run-folder", str(run)], ["resume", str(run)]):
        assert main(words) == 2
        assert "pictures, captions or how they are shown have changed" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs signals that put a process to sleep")
def test_a_process_that_is_put_to_sleep_keeps_its_rate_and_its_numbers(
    make_config: Make, tmp_path: Path
) -> None:
    config, run = make_config(max_train_epochs=3), tmp_path / "run"
    whole = train_here(config, tmp_path / "whole").checkpoints[-1].read_bytes()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _sleep_in_step(6)
            train_here(config, run)
            code = 0
        finally:
            os._exit(code)
    assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
    time.sleep(_ASLEEP)
    os.kill(child, signal.SIGCONT)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (run / "punks.safetensors").read_bytes() == whole
    told = [event for event in EventReader(run / "events.jsonl").new() if event["event"] == "step"]
    slept = told[5]
    assert slept["seconds"] > _ASLEEP
    others = max(event["seconds"] for event in told[:5])
    assert 1 / slept["steps_per_second"] <= others
    assert slept["seconds_left"] < _ASLEEP + 4 * others


def _sleep_in_step(number: int) -> None:
    """Let this process put itself to sleep in one of its steps."""
    original, passed = loop.apply_gradients, 0

    def stopping(*given: Any) -> Any:
        nonlocal passed
        passed += 1
        if passed == number:
            os.kill(os.getpid(), signal.SIGSTOP)
        return original(*given)

    loop.apply_gradients = stopping
