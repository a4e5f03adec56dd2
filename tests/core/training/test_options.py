"""Whole runs with optimizers, noise, losses, averages and held-out pictures; stopped and resumed."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from bespoke_core.errors import InputError
from bespoke_core.training import loop, work
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.errors import StoppedError
from bespoke_core.training.plan import make_plan

Make = Callable[..., TrainingConfig]
COMBINATIONS: dict[str, dict[str, Any]] = {
    "averaged weights": {"ema_decay": 0.8, "ema_update_step_interval": 2},
    "adafactor": {"optimizer_type": "Adafactor", "lr_warmup_steps": 0, "lr_scheduler": "adafactor"},
    "prodigy": {"optimizer_type": "Prodigy", "learning_rate": 1.0, "optimizer_args": ["d_coef=2"]},
    "lion": {"optimizer_type": "Lion", "lr_scheduler": "warmup_stable_decay", "lr_decay_steps": 2},
    "d-adaptation": {"optimizer_type": "DAdaptAdam", "learning_rate": 1.0},
    "schedule-free": {"optimizer_type": "AdamWScheduleFree"},
    "other noise and loss": {
        "noise_offset_random_strength": True,
        "adaptive_noise_scale": 0.1,
        "ip_noise_gamma": 0.1,
        "ip_noise_gamma_random_strength": True,
        "min_timestep": 100,
        "max_timestep": 900,
        "loss_type": "huber",
        "debiased_estimation_loss": True,
        "v_pred_like_loss": 0.1,
    },
    "velocity": {
        "v_parameterization": True,
        "zero_terminal_snr": True,
        "scale_v_pred_loss_like_noise_pred": True,
        "loss_type": "smooth_l1",
        "huber_schedule": "exponential",
        "optimizer_type": "SGDNesterov",
    },
}
LIBRARIES = {
    "d-adaptation": "dadaptation",
    "schedule-free": "schedulefree",
    "prodigy": "prodigyopt",
    "lion": "lion_pytorch",
}


def events(run: Path, kind: str) -> list[dict[str, Any]]:
    lines = (run / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [told for line in lines if (told := json.loads(line))["event"] == kind]


def stop_at(step: int) -> Callable[[dict[str, Any]], None]:
    """Return a listener that asks this process to stop after a step, as a signal would."""

    def listen(told: dict[str, Any]) -> None:
        if told["event"] == "step" and told["step"] == step:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGTERM)

    return listen


@pytest.mark.parametrize("name", COMBINATIONS)
def test_a_run_that_was_stopped_gives_the_bytes_of_one_that_was_not(
    name: str, make_config: Make, tmp_path: Path
) -> None:
    if name in LIBRARIES and importlib.util.find_spec(LIBRARIES[name]) is None:
        pytest.skip(f"{LIBRARIES[name]} is not installed")
    config = make_config(**COMBINATIONS[name])
    straight = work.train_here(config, tmp_path / "straight").checkpoints
    stopped = tmp_path / "stopped"
    with pytest.raises(StoppedError):
        work.train_here(config, stopped, listen=stop_at(4))
    resumed = work.train_here(config, stopped, resume=True).checkpoints
    assert [path.read_bytes() for path in straight] == [path.read_bytes() for path in resumed]
    weights = load_file(straight[-1])
    assert all(value.abs().max() > 0 for key, value in weights.items() if "lora_up" in key)


def test_files_hold_the_average_and_the_training_goes_on_from_its_own_weights(
    make_config: Make, tmp_path: Path
) -> None:
    plain = work.train_here(make_config(), tmp_path / "plain")
    averaged = work.train_here(make_config(ema_decay=0.8), tmp_path / "averaged")
    one, other = load_file(plain.checkpoints[-1]), load_file(averaged.checkpoints[-1])
    assert any(not torch.equal(one[key], other[key]) for key in one if "lora_up" in key)
    losses = [[told["loss"] for told in events(tmp_path / run, "step")] for run in ("plain", "averaged")]
    assert losses[0] == losses[1]


def test_held_out_pictures_are_measured_alike_each_time_and_change_no_weights(
    make_config: Make, tmp_path: Path
) -> None:
    config = make_config(validation_split=0.34, network_dropout=0.2)
    seldom = work.train_here(config, tmp_path / "seldom").checkpoints
    often = work.train_here(
        make_config(**config.model_dump() | {"validate_every_n_steps": 1}), tmp_path / "often"
    )
    weights = [load_file(path) for path in (seldom[-1], often.checkpoints[-1])]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    few, many = events(tmp_path / "seldom", "validation"), events(tmp_path / "often", "validation")
    assert [told["epoch"] for told in few] == [1, 2]
    assert {told["loss"] for told in few} < {told["loss"] for told in many}
    assert len({told["loss"] for told in many}) > 2


def test_the_held_out_loss_is_the_mean_over_its_pictures_and_levels(
    make_config: Make, tmp_path: Path
) -> None:
    from bespoke_core.training.validation import held_out_loss, validation_timesteps

    config = make_config(validation_split=0.5, validation_seed=5, train_batch_size=1, min_snr_gamma=None)
    session = loop.prepare(make_plan(config, tmp_path / "run"), lambda *a, **k: None, lambda: False)
    assert validation_timesteps(config) == [200, 400, 600, 800]
    once = held_out_loss(session)
    assert once is not None and once > 0
    assert held_out_loss(session) == once
    with torch.no_grad():
        for matrix in session.network.parameters("unet", "up"):
            matrix.add_(0.1)
    assert held_out_loss(session) != once
    assert validation_timesteps(make_config(min_timestep=500, max_timestep=1000)) == [600, 700, 800, 900]


def test_a_missing_library_is_told_before_anything_is_written(
    make_config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> Any:
        return None if name == "dadaptation" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(InputError, match="pip install dadaptation"):
        work.train_here(make_config(optimizer_type="DAdaptAdam", learning_rate=1.0), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_reading_a_file_had_to_say_is_told_in_the_run(make_config: Make, tmp_path: Path) -> None:
    work.train_here(
        make_config(max_train_epochs=1, lowram=True, max_data_loader_n_workers=8), tmp_path / "run"
    )
    said = "\n".join(told["text"] for told in events(tmp_path / "run", "notice"))
    assert "lowram has no effect" in said
    assert "max_data_loader_n_workers has no effect" in said
