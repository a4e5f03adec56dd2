"""One run in several processes: the same as one process with as large a batch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from bespoke_core.errors import InputError, UserCancelledError
from bespoke_core.training import config as configs
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.errors import TrainingError
from bespoke_core.training.parallel import Ranks
from bespoke_core.training.plan import make_plan
from bespoke_core.training.run import TrainingProcess, interrupted_run, start_training
from bespoke_core.training.work import train_here

Make = Callable[..., TrainingConfig]
PACK = Path(__file__).resolve().parents[3]


@given(length=st.integers(0, 100), count=st.integers(1, 12))
def test_the_shares_of_a_batch_are_the_batch(length: int, count: int) -> None:
    whole = [n for rank in range(count) for n in range(length)[Ranks(rank, count).share(length)]]
    assert whole == list(range(length))


def test_what_counts_is_the_whole_batch(make_config: Make, tmp_path: Path) -> None:
    two = make_plan(make_config(num_processes=2), tmp_path)
    one = make_plan(make_config(train_batch_size=4), tmp_path)
    assert (two.batches, two.epochs, two.steps) == (one.batches, one.epochs, one.steps) == (2, 2, 4)
    assert two.fingerprint == one.fingerprint != make_plan(make_config(), tmp_path).fingerprint


def test_several_processes_need_a_launcher(make_config: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="accelerate launch --num_processes 2"):
        train_here(make_config(num_processes=2), tmp_path / "run")


def test_a_launcher_that_starts_fewer_processes_than_it_was_asked_for_is_named(
    make_config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    monkeypatch.setenv("MASTER_PORT", "29500")
    with pytest.raises(InputError, match=r"has started one: with --cpu.*Put --multi_gpu"):
        train_here(make_config(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_launcher_and_the_key_must_not_contradict(
    make_config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert make_plan(make_config(), tmp_path).processes == 3
    with pytest.raises(InputError, match="which started 3 processes"):
        make_plan(make_config(num_processes=2), tmp_path)


def steps_of(process: TrainingProcess, count: int) -> None:
    seen = 0
    while seen < count:
        time.sleep(0.02)  # the processors are for those who train
        seen += sum(event["event"] == "step" for event in process.poll())
        assert process.running, (process.run_folder / "log.txt").read_text(encoding="utf-8")


@pytest.mark.slow
def test_two_gloo_processes_equal_one_with_twice_the_batch_also_when_one_is_killed_and_resumed(
    make_config: Make, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (dataset / "punk5.png").unlink()  # five pictures: the last batch has one, and a process none of it
    (dataset / "punk5.txt").unlink()
    two = make_config(num_processes=2, max_train_epochs=4, ema_decay=0.9)
    whole = start_training(two, run_folder=tmp_path / "whole").finish()
    process = start_training(two, run_folder=tmp_path / "killed")
    steps_of(process, 3)
    ranks = {
        child.environ().get("RANK"): child for child in psutil.Process(process.pid).children(recursive=True)
    }
    ranks["1"].kill()
    with pytest.raises(TrainingError, match="Training ended"):
        process.finish()
    assert not ranks["0"].is_running()
    assert interrupted_run(two, tmp_path / "killed")
    resumed = start_training(two, run_folder=tmp_path / "killed").finish()
    for one, other in zip(whole.checkpoints, resumed.checkpoints, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
    single = make_config(train_batch_size=4, max_train_epochs=4, ema_decay=0.9)
    alone = load_file(train_here(single, tmp_path / "alone").checkpoints[-1])
    together = load_file(whole.checkpoints[-1])
    assert alone.keys() == together.keys()
    for key, value in alone.items():
        # Sums in another order; Adam's first steps make much of the last bit of a small gradient.
        assert float((value - together[key]).abs().max()) < 1e-4, key


@pytest.mark.slow
def test_the_same_command_works_under_accelerates_launcher_and_a_signal_ends_all(
    make_config: Make, tmp_path: Path
) -> None:
    path, run = tmp_path / "config.toml", tmp_path / "run"
    path.write_text(configs.to_toml(make_config(max_train_epochs=100_000)), encoding="utf-8")
    launcher = [
        *("-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1", "--num_processes", "2"),
        *("--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"),
    ]
    command = [sys.executable, *launcher, "-m", "bespoke_core", "train", str(path), "--run-folder", str(run)]
    environment = {**os.environ, "PYTHONPATH": str(PACK), "OMP_NUM_THREADS": "1"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    events = run / "events.jsonl"
    while not events.is_file() or b'"step"' not in events.read_bytes():
        assert process.poll() is None, (tmp_path / "log").read_text(encoding="utf-8")
        time.sleep(0.02)
    children = psutil.Process(process.pid).children(recursive=True)
    rank = next(child for child in children if child.environ().get("RANK") == "1")
    rank.send_signal(signal.SIGTERM)  # to one of them, and not the one that writes
    process.wait(60)
    assert not any(child.is_running() for child in children)
    last = events.read_text(encoding="utf-8").splitlines()[-1]
    assert '"cancelled"' in last and '"saved": true' in last


def test_a_cancelled_run_of_several_says_so(make_config: Make, tmp_path: Path) -> None:
    config = make_config(num_processes=2, max_train_epochs=100_000)
    process = start_training(config, run_folder=tmp_path / "run")
    process.cancel(grace_s=0)
    with pytest.raises(UserCancelledError):
        process.finish()
