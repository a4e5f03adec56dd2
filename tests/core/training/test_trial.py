"""Arguments of optimizers and schedules that cannot work are refused with the plan, before anything heavy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bespoke_core.cli import main
from bespoke_core.errors import InputError
from bespoke_core.training import config
from bespoke_core.training.config import TrainingConfig, to_toml
from bespoke_core.training.trial import try_optimizer

Make = Callable[..., TrainingConfig]


def tried(**keys: Any) -> list[str]:
    return try_optimizer(config.from_values({"learning_rate": 1e-3, **keys}), 40)


def refused(**keys: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        tried(**keys)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("arguments", "value", "says"),
    [
        (["foo=1"], "foo=1", "AdamW has: betas=0.9,0.999; eps=1e-08"),
        (["beta=1"], "beta=1", "Did you mean betas?"),
        (["lr=1"], "lr=1", "Set learning_rate"),
        (["betas=0.9"], "betas=0.9", "AdamW refuses it"),
        (["eps=1e-6", "betas=2,3"], "betas=2,3", "Invalid beta"),
        (["maximize='x'"], "maximize='x'", "AdamW refuses it"),
    ],
)
def test_an_optimizers_argument_that_cannot_work_is_named_with_what_there_is(
    arguments: list[str], value: str, says: str
) -> None:
    error = refused(optimizer_args=arguments)
    assert (error.field, error.value) == ("optimizer_args", value)
    assert says in str(error)


@pytest.mark.parametrize(
    ("schedule", "arguments", "value", "says"),
    [
        ("lr_scheduler=cosine", ["T_max=3"], "T_max=3", "cosine has: num_warmup_steps"),
        ("lr_scheduler=cosine", ["num_cycles='x'"], "num_cycles='x'", "cosine refuses it"),
        ("lr_scheduler_type=StepLR", [], None, "StepLR has: step_size; gamma=0.1"),
        ("lr_scheduler_type=CosineAnnealingLR", ["T_max=30", "eta_min='x'"], "eta_min='x'", "refuses it"),
    ],
)
def test_a_schedules_argument_that_cannot_work_is_named_with_what_there_is(
    schedule: str, arguments: list[str], value: str | None, says: str
) -> None:
    key, _, name = schedule.partition("=")
    error = refused(**{key: name, "lr_scheduler_args": arguments})
    assert (error.field, error.value) == ("lr_scheduler_args", value)
    assert says in str(error)


def test_arguments_that_work_pass_in_silence() -> None:
    assert tried(optimizer_args=["weight_decay=0.1", "betas=0.9,0.99"]) == []
    assert tried(lr_scheduler="polynomial", lr_scheduler_args=["power=2"]) == []
    assert tried(lr_scheduler="piecewise_constant", lr_scheduler_args=["step_rules='1:10,0.1'"]) == []
    assert tried(lr_scheduler_type="StepLR", lr_scheduler_args=["step_size=3"]) == []


def test_the_plan_refuses_them_and_the_dry_run_says_it_once(
    make_config: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lads.toml"
    path.write_text(to_toml(make_config(optimizer_args=["foo=1"])), encoding="utf-8")
    for more in (["--dry-run"], []):
        assert main(["train", str(path), *more]) == 2
        told = capsys.readouterr()
        assert (told.out + told.err).count("AdamW has no argument foo") == 1
    assert not (tmp_path / "out").exists()


def test_the_dry_run_says_that_another_optimizer_stands_in(
    make_config: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    path = tmp_path / "lads.toml"
    path.write_text(to_toml(make_config(optimizer_type="AdamW8bit")), encoding="utf-8")
    assert main(["train", str(path), "--dry-run"]) == 0
    assert capsys.readouterr().out.count("AdamW is used, with more memory") == 1
    assert main(["train", str(path), "--set", "max_train_epochs=1"]) == 0
    assert capsys.readouterr().out.count("AdamW is used, with more memory") == 1


def test_a_failure_is_printed_once(
    make_config: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise InputError("was changed while the run began", file="base", remedy="Start the run again.")

    monkeypatch.setattr("bespoke_core.training.loop.train", break_down)
    path = tmp_path / "lads.toml"
    path.write_text(to_toml(make_config()), encoding="utf-8")
    assert main(["train", str(path)]) == 2
    told = capsys.readouterr()
    assert (told.out + told.err).count("was changed while the run began") == 1
