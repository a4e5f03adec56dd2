"""The memory that a dry run tells, from the base model's header alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bespoke_core.cli import main
from bespoke_core.tokenizer import load_tokenizer
from bespoke_core.training import memory_forecast
from bespoke_core.training.base_model import load_base
from bespoke_core.training.config import TrainingConfig, to_toml
from bespoke_core.training.memory_check import largest_step
from bespoke_core.training.memory_estimate import Holding, estimate_memory
from bespoke_core.training.memory_forecast import forecast_memory
from bespoke_core.training.network import add_lora
from bespoke_core.training.plan import make_plan

Make = Callable[..., TrainingConfig]
PACK = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"gradient_checkpointing": True, "train_batch_size": 1},
        {"mixed_precision": "bf16", "network_train_unet_only": True},
        {"network_args": ["conv_dim=4", "conv_alpha=1"], "cache_latents": False, "optimizer_type": "Lion"},
    ],
)
def test_a_step_of_networks_without_weights_takes_what_one_of_real_networks_takes(
    make_config: Make, tmp_path: Path, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bespoke_core.training.plan.check_installed", lambda kind: None)
    monkeypatch.setattr("bespoke_core.training.plan.try_optimizer", lambda config, steps: [])
    config = make_config(**changes)
    plan = make_plan(config, tmp_path / "run")
    dtype = torch.bfloat16 if config.mixed_precision == "bf16" else torch.float32
    base = load_base(plan.base, dtype=dtype)
    network = add_lora(base, config)
    form = largest_step(plan, load_tokenizer(plan.tokenizer), device=torch.device("cpu"), dtype=dtype)
    real, told = estimate_memory(base, network, config, form(config)), forecast_memory(plan)
    assert told.step == pytest.approx(real.step, rel=0.02)
    assert told.optimizer == real.optimizer


def test_what_the_weights_will_hold_is_counted_in_the_runs_own_numbers(
    make_config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_forecast, "held_now", lambda device: Holding(0, 0, 1 << 40))
    config = make_config()
    plan = make_plan(config, tmp_path / "run")
    base = load_base(plan.base)
    add_lora(base, config)
    weights = [*base.unet.parameters(), *base.text_encoder.parameters(), *base.encoder.parameters()]
    latents = 6 * 4 * 4 * 8 * 8
    told = forecast_memory(plan)
    assert told.held == pytest.approx(sum(one.nbytes for one in weights) + latents, rel=1e-3)
    halved = make_plan(make_config(mixed_precision="bf16"), tmp_path / "run")
    assert forecast_memory(halved).held < 0.7 * told.held


def test_a_dry_run_tells_the_memory_and_whether_it_fits(
    make_config: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = tmp_path / "lads.toml"
    toml.write_text(to_toml(make_config()), encoding="utf-8")
    assert main(["train", str(toml), "--dry-run", "--json"]) == 0
    memory = json.loads(capsys.readouterr().out)["memory"]
    assert memory["fits"] is True
    assert memory["held"] < memory["total"] < memory["available"]
    assert main(["train", str(toml), "--dry-run"]) == 0
    assert "of memory (" in capsys.readouterr().out
    real = memory_forecast.estimate_memory
    monkeypatch.setattr(
        memory_forecast,
        "estimate_memory",
        lambda *given, **more: replace(real(*given, **more), available=10**6),
    )
    assert main(["train", str(toml), "--dry-run"]) == 0
    assert "which does not fit: 0.0 GB are there" in capsys.readouterr().out


@pytest.mark.slow
def test_the_dry_run_tells_what_the_run_tells_before_its_first_step(
    make_config: Make, tmp_path: Path, base_checkpoint: Path
) -> None:
    toml = tmp_path / "lads.toml"
    config = make_config(pretrained_model_name_or_path=str(base_checkpoint), max_train_steps=1)
    toml.write_text(to_toml(config), encoding="utf-8")

    def told(*more: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "bespoke_core", "train", str(toml), "--json", *more]
        environment = {**os.environ, "PYTHONPATH": str(PACK)}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300, check=True
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    before = told("--dry-run")["memory"]["total"]
    events = (Path(told()["run_folder"]) / "events.jsonl").read_text(encoding="utf-8").splitlines()
    [after] = [event["bytes"] for event in map(json.loads, events) if event["event"] == "memory"]
    assert before == pytest.approx(after, rel=0.15)
