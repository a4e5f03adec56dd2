"""The learning rate over the run: kohya's schedules by its names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch

from .config import TrainingConfig
from .keys.arguments import read_arguments
from .optimizer import REFUSALS, kind_of, make_optimizer
from .signatures import Arguments

__all__ = ["make_optimizer", "make_scheduler", "share_of", "warmup_steps"]

_Scheduler: TypeAlias = torch.optim.lr_scheduler.LRScheduler


def share_of(asked: float, steps: int) -> int:
    """Return a number of optimizer steps; a value below 1 is a share of the run."""
    return int(asked) if asked >= 1 else int(asked * steps)


def warmup_steps(config: TrainingConfig, steps: int) -> int:
    """Return the warm-up in optimizer steps; a value below 1 is a share of the run."""
    return share_of(config.lr_warmup_steps, steps)


def make_scheduler(config: TrainingConfig, optimizer: torch.optim.Optimizer, steps: int) -> _Scheduler:
    """Make the learning-rate schedule over `steps` optimizer steps; `step()` once for each of them.

    The formulas are those of the transformers library, which kohya uses too. cosine_with_restarts: with
    warm-up w and p = (s - w) / (steps - w), the rate is 0.5 (1 + cos(pi ((cycles p) mod 1))), and 0 from
    p = 1 on.

    Raises:
        InputError: lr_scheduler_args does not suit the schedule, or the learning rate is too low for it.
    """
    if kind_of(config).schedule_free:
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    if optimizer.defaults.get("relative_step") or config.lr_scheduler == "adafactor":
        return _adafactor(optimizer, config.learning_rate)
    given, takes = read_arguments(config.lr_scheduler_args), arguments_of(config)
    takes.check(given)
    from_keys = {} if config.lr_scheduler_type else _from_keys(config, steps)
    try:
        made: _Scheduler = takes.call(optimizer, **{**from_keys, **given})
    except REFUSALS as error:
        takes.refuse(error, given)
    return made


def arguments_of(config: TrainingConfig) -> Arguments:
    """Return what a user may give the schedule in lr_scheduler_args."""
    name = config.lr_scheduler_type or config.lr_scheduler
    elsewhere = dict.fromkeys(("optimizer", "last_epoch"), "Leave it out.")
    return Arguments(name, _maker_of(config), "lr_scheduler_args", elsewhere)


def _maker_of(config: TrainingConfig) -> Callable[..., Any]:
    """Return what makes the schedule: torch's class, or the function of the transformers library."""
    if config.lr_scheduler_type:
        return getattr(torch.optim.lr_scheduler, config.lr_scheduler_type)  # type: ignore[no-any-return]
    if config.lr_scheduler == "piecewise_constant":
        from diffusers.optimization import get_piecewise_constant_schedule

        return get_piecewise_constant_schedule
    from transformers import optimization

    kind = optimization.SchedulerType(config.lr_scheduler)
    return optimization.TYPE_TO_SCHEDULER_FUNCTION[kind]  # type: ignore[no-any-return]


def _from_keys(config: TrainingConfig, steps: int) -> dict[str, Any]:
    """Return the arguments that kohya gives one of its schedules."""
    half = config.lr_scheduler_num_cycles / 2
    warmup, decay = warmup_steps(config, steps), share_of(config.lr_decay_steps, steps)
    ratio = config.lr_scheduler_min_lr_ratio
    length = {"num_warmup_steps": warmup, "num_training_steps": steps}
    every: dict[str, dict[str, Any]] = {
        "constant": {},
        "piecewise_constant": {},
        "constant_with_warmup": {"num_warmup_steps": warmup},
        "inverse_sqrt": {"num_warmup_steps": warmup, "timescale": config.lr_scheduler_timescale},
        "linear": length,
        "cosine": length,
        "cosine_with_restarts": {**length, "num_cycles": config.lr_scheduler_num_cycles},
        "polynomial": {**length, "power": config.lr_scheduler_power},
        "cosine_with_min_lr": {**length, "num_cycles": half, "min_lr_rate": ratio},
        "warmup_stable_decay": {
            "num_warmup_steps": warmup,
            "num_decay_steps": decay,
            "num_stable_steps": max(0, steps - warmup - decay),
            "num_cycles": half,
            "min_lr_ratio": ratio or 0.0,
        },
    }
    return every[config.lr_scheduler]


def _adafactor(optimizer: torch.optim.Optimizer, initial: float) -> _Scheduler:
    """Make the schedule that only reports what Adafactor does by itself."""
    from transformers.optimization import AdafactorSchedule

    class Reported(AdafactorSchedule):  # type: ignore[misc]
        """The rates as plain numbers, which a state can hold."""

        def get_lr(self) -> list[float]:
            return [float(rate) for rate in super().get_lr()]

    made: _Scheduler = Reported(optimizer, initial)
    return made
