"""Killed at any moment, as often as you like: the files are those of a run that nobody disturbed.

The runs are forks of this process, so that they start at once. They kill themselves with SIGKILL at a chosen
one of the moments between which a file, an event or a step becomes real.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bespoke_core import events, files
from bespoke_core.training import loop, work
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.kohya_file import is_whole

Make = Callable[..., TrainingConfig]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
_NEVER = 10**9


def fork(work_there: Callable[[], None]) -> int:
    """Do something in a fork of this process; return how it ended, as `os.waitpid` tells."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work_there()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def train_until(config: TrainingConfig, run: Path, moment: int) -> int:
    """Train or resume in a fork that is killed at its `moment`-th moment; return how it ended."""

    def there() -> None:
        passed = 0

        def moments(original: Callable[..., Any]) -> Callable[..., Any]:
            def counted(*arguments: Any, **more: Any) -> Any:
                nonlocal passed
                passed += 1
                if passed == moment:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*arguments, **more)

            return counted

        # Before a temporary file is safe, before it takes its place, before an event, before weights change.
        files.os.fsync = moments(os.fsync)
        files.Path.replace = moments(Path.replace)
        events.EventLog.write = moments(events.EventLog.write)
        loop.apply_gradients = moments(loop.apply_gradients)
        work.train_here(config, run, resume=True)
        (run.parent / "moments").write_text(str(passed), encoding="utf-8")

    return fork(there)


def whole_run(config: TrainingConfig, run: Path) -> tuple[dict[str, bytes], int]:
    """Train without being disturbed; return the files and how many moments there were."""
    assert train_until(config, run, _NEVER) == 0
    return contents(run), int((run.parent / "moments").read_text(encoding="utf-8"))


def contents(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(run.glob("*.safetensors"))}


def finish_through_kills(config: TrainingConfig, run: Path, kills: list[int]) -> None:
    for moment in kills:
        if train_until(config, run, moment) == 0:
            return
        assert all(is_whole(path) for path in run.glob("*.safetensors"))
    assert train_until(config, run, _NEVER) == 0


WAYS: dict[str, dict[str, Any]] = {
    "accumulated": {"gradient_accumulation_steps": 2, "save_every_n_steps": 2},
    "averaged": {"ema_decay": 0.9, "save_state_every_n_steps": 1, "scale_weight_norms": 1.0},
    "dropout": {"network_dropout": 0.2, "network_args": ["rank_dropout=0.1", "module_dropout=0.1"]},
    "augmented": {"flip_aug": True, "cache_latents": False, "optimizer_type": "SGDNesterov"},
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_killed_at_random_moments_again_and_again_the_files_are_the_same(
    make_config: Make, tmp_path: Path, way: str
) -> None:
    config = make_config(save_state_every_n_minutes=0, **WAYS[way])
    expected, count = whole_run(config, tmp_path / "whole")
    chance = random.Random(way)
    run = tmp_path / "killed"
    finish_through_kills(config, run, [chance.randint(1, count) for _ in range(3)])
    assert contents(run) == expected
    assert not list(run.rglob(".*.tmp"))


@pytest.mark.slow
def test_a_kill_at_each_moment_around_an_epochs_end_loses_nothing(make_config: Make, tmp_path: Path) -> None:
    config = make_config(max_train_epochs=2, save_every_n_steps=3)
    expected, count = whole_run(config, tmp_path / "whole")
    run = tmp_path / "killed"
    # Every start is killed a moment later than the one before, until one gets through.
    finish_through_kills(config, run, list(range(count // 3, count + 1, max(1, count // 6))))
    assert contents(run) == expected


@pytest.mark.slow
def test_a_run_that_is_signalled_at_a_random_time_can_always_go_on(make_config: Make, tmp_path: Path) -> None:
    config = make_config(max_train_epochs=3)
    run, chance = tmp_path / "run", random.Random(5)
    expected = contents_of_whole(config, tmp_path)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work.train_here(config, run, resume=True)
                code = 0
            finally:
                os._exit(code)
        time.sleep(chance.uniform(0.1, 1.0))
        os.kill(child, number)
        if number == signal.SIGHUP:
            os.kill(child, number)  # a second one ends it at once
        os.waitpid(child, 0)
        assert all(is_whole(path) for path in run.glob("*.safetensors"))
    work.train_here(config, run, resume=True)
    assert contents(run) == expected


def contents_of_whole(config: TrainingConfig, folder: Path) -> dict[str, bytes]:
    work.train_here(config, folder / "whole")
    return contents(folder / "whole")
