"""Training as a child process: followed, cancelled, killed, orphaned and resumed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from bespoke_core.errors import InputError, UserCancelledError
from bespoke_core.training import config as configs
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.errors import TrainingError
from bespoke_core.training.kohya_file import is_whole
from bespoke_core.training.run import TrainingProcess, finished_run, interrupted_run, start_training
from bespoke_core.training.work import train_here

Make = Callable[..., TrainingConfig]
PACK = Path(__file__).resolve().parents[3]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., TrainingProcess]]:
    """Start training and make sure that it ends with the test."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    started: list[TrainingProcess] = []

    def start_one(config: TrainingConfig, folder: Path, **more: Any) -> TrainingProcess:
        started.append(start_training(config, run_folder=folder, **more))
        return started[-1]

    yield start_one
    for process in started:
        if process.running:
            process.cancel(grace_s=0)


def wait_for(
    process: TrainingProcess, event: str, count: int = 1, timeout_s: float = 60
) -> list[dict[str, Any]]:
    """Collect events until `event` was seen `count` times."""
    seen: list[dict[str, Any]] = []
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        seen += process.poll()
        if sum(one["event"] == event for one in seen) >= count:
            return seen
        assert process.running, (process.run_folder / "log.txt").read_text(encoding="utf-8")
        time.sleep(0.02)
    raise AssertionError(f"no {event} within {timeout_s} s")


def assert_only_whole_files(run: Path) -> None:
    for path in run.glob("*.safetensors"):
        assert is_whole(path), path
    for path in run.rglob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))


def test_a_run_in_a_child_process_tells_its_steps_and_gives_its_files(
    make_config: Make, tmp_path: Path, start: Callable[..., TrainingProcess]
) -> None:
    config, run = make_config(), tmp_path / "a run with blanks"
    process = start(config, run)
    result = process.finish()
    told = process.poll()
    assert [e["step"] for e in told if e["event"] == "step"] == [1, 2, 3, 4, 5, 6]
    assert [path.name for path in result.checkpoints] == ["punks-000001.safetensors", "punks.safetensors"]
    log = (run / "log.txt").read_text(encoding="utf-8")
    assert "saved punks.safetensors" in log
    assert configs.read_toml(run / "config.toml") == configs.with_absolute_paths(config)
    assert finished_run(config, run) == result
    assert not interrupted_run(config, run)
    assert finished_run(configs.with_values(config, seed=9), run) is None


def test_a_second_run_in_a_folder_is_refused_cancelling_is_quick_and_the_run_can_go_on(
    make_config: Make, tmp_path: Path, start: Callable[..., TrainingProcess]
) -> None:
    config, run = make_config(max_train_epochs=200), tmp_path / "run"
    process = start(config, run)
    wait_for(process, "checkpoint")
    with pytest.raises(InputError, match="is training there"):
        start_training(config, run_folder=run)
    assert not interrupted_run(config, run)
    assert process.running
    began = time.monotonic()
    process.cancel()
    assert time.monotonic() - began < 2
    assert not psutil.pid_exists(process.pid)
    with pytest.raises(UserCancelledError):
        process.finish()
    assert_only_whole_files(run)
    assert not list(run.rglob(".*.tmp"))
    assert json.loads((run / "run.json").read_text(encoding="utf-8"))["status"] == "cancelled"
    assert interrupted_run(config, run)
    done = max(
        e["step"] for e in map(json.loads, (run / "events.jsonl").open(encoding="utf-8")) if "step" in e
    )
    again = start(config, run)
    steps = [e["step"] for e in wait_for(again, "step") if e["event"] == "step"]
    assert steps[0] == done + 1


@pytest.mark.slow
def test_a_run_killed_at_each_of_its_moments_leaves_whole_files_and_resumes_to_the_same_bytes(
    make_config: Make, tmp_path: Path, start: Callable[..., TrainingProcess]
) -> None:
    config, run = make_config(max_train_epochs=12), tmp_path / "run"
    for moment, count in (("caching", 1), ("step", 2), ("checkpoint", 1)):
        process = start(config, run)
        wait_for(process, moment, count=count)
        psutil.Process(process.pid).kill()
        process.wait()
        assert_only_whole_files(run)
        with pytest.raises(TrainingError, match="last lines"):
            process.finish()
        assert interrupted_run(config, run)
    resumed = start(config, run).finish()
    whole = train_here(config, tmp_path / "whole")
    for one, other in zip(resumed.checkpoints, whole.checkpoints, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert not list(run.rglob(".*.tmp"))


@pytest.mark.slow
def test_a_child_whose_parent_is_gone_stops_by_itself(make_config: Make, tmp_path: Path) -> None:
    run = tmp_path / "run"
    (tmp_path / "config.toml").write_text(
        configs.to_toml(make_config(max_train_epochs=100_000)), encoding="utf-8"
    )
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from bespoke_core.training import config, run\n"
        "process = run.start_training(config.read_toml(sys.argv[1]), run_folder=Path(sys.argv[2]))\n"
        "print(process.pid, flush=True)\n"
        "import time\n"
        "while not any(e['event'] == 'step' for e in process.poll()): time.sleep(0.02)\n"
        "import os; os._exit(0)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(PACK)}
    parent = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "config.toml"), str(run)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    child = int(parent.stdout.split()[0])
    end = time.monotonic() + 10
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "the child is still there"
        time.sleep(0.1)
    assert "gone" in json.loads((run / "events.jsonl").read_text(encoding="utf-8").splitlines()[-1])["reason"]
    assert_only_whole_files(run)


def test_what_cannot_be_used_is_refused_before_a_child_is_started(make_config: Make, tmp_path: Path) -> None:
    config = make_config(pretrained_model_name_or_path=str(tmp_path / "none.safetensors"))
    with pytest.raises(InputError, match="no such file"):
        start_training(config, run_folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_failed_child_shows_the_last_lines_of_its_log(
    make_config: Make, tmp_path: Path, start: Callable[..., TrainingProcess]
) -> None:
    process = start(make_config(), tmp_path / "run", python=_python_that_fails(tmp_path))
    with pytest.raises(TrainingError, match="the reason of the failure") as caught:
        process.finish()
    assert "log.txt" in str(caught.value)


def _python_that_fails(folder: Path) -> str:
    script = folder / "python"
    script.write_text("#!/bin/sh\necho the reason of the failure\nexit 3\n", encoding="utf-8")
    script.chmod(0o755)
    return str(script)


def test_the_command_line_trains_from_a_file_and_reports_as_json(make_config: Make, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(configs.to_toml(make_config(max_train_epochs=1)), encoding="utf-8")
    command = [sys.executable, "-m", "bespoke_core", "train", str(path), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(PACK), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "run_folder": str(tmp_path / "out" / "punks"),
        "checkpoints": ["punks.safetensors"],
        "best": None,  # nothing judged its epochs
    }
    path.write_text("sede = 3\n", encoding="utf-8")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "Did you mean seed" in done.stderr
