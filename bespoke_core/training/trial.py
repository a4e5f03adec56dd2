"""A run's optimizer and schedule tried on a small matrix, before anything is loaded or encoded."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..errors import InputError
from .config import TrainingConfig
from .keys.optimizers import optimizer_kind

_REFUSE_KEYS = ("polynomial", "piecewise_constant")
"""Schedules of kohya's that refuse some values of other keys."""
_STEPS = 3


def try_optimizer(config: TrainingConfig, steps: int) -> list[str]:
    """Make the optimizer and the schedule, take a few steps, and return what is to be said about them.

    What cannot go wrong is not tried, so that torch need not be imported for it: one of torch's optimizers
    with one of kohya's schedules and no further arguments.

    Args:
        config: of the run.
        steps: optimizer steps of the run.

    Raises:
        InputError: an argument is unknown or its value cannot be used; where it is one of several, it alone
            is named. Or the optimizer does not work on this machine.
    """
    kind = optimizer_kind(config.optimizer_type)
    given = config.optimizer_args or config.lr_scheduler_args or config.lr_scheduler_type
    if not given and config.lr_scheduler not in _REFUSE_KEYS and kind and kind.module == "torch.optim":
        return []
    said: list[str] = []
    try:
        _take_steps(config, steps, said.append)
    except InputError as error:
        key = error.field or ""
        texts = getattr(config, key, ())
        if key not in ("optimizer_args", "lr_scheduler_args") or len(texts) < 2 or error.value in texts:
            raise
        for text in texts:
            without = config.model_copy(update={key: tuple(one for one in texts if one != text)})
            if _works(without, steps):
                raise InputError(error.problem, remedy=error.remedy, field=key, value=text) from error
        raise
    return said


def _works(config: TrainingConfig, steps: int) -> bool:
    try:
        _take_steps(config, steps, lambda text: None)
    except InputError:
        return False
    return True


def _take_steps(config: TrainingConfig, steps: int, notice: Callable[[str], None]) -> None:
    """Take a few steps as the run will; look at the schedule as far as its end.

    Raises:
        InputError: as `try_optimizer`.
    """
    import torch

    from . import optimizer as optimizers
    from . import schedule as schedules
    from .keys.arguments import read_arguments

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind = optimizers.usable_kind(config, cuda=device.type == "cuda")
    trained = {"unet": config.trains_unet, "text_encoder": config.trains_text_encoder}
    parts: dict[str, Any] = {
        part: [torch.nn.Parameter(torch.ones(2, 2))] for part in trained if trained[part]
    }
    optimizer = optimizers.make_optimizer(config, parts, device, notice)
    scheduler = schedules.make_scheduler(config, optimizer, steps)
    count = 0 if kind.needs_gpu else _STEPS  # the matrix is no GPU's: each process of a run would open one
    try:
        for _ in range(count):
            for [parameter] in parts.values():
                parameter.grad = torch.ones_like(parameter)
            optimizer.step()
    except optimizers.REFUSALS as error:
        optimizers.arguments_of(kind).refuse(error, read_arguments(config.optimizer_args))
    try:
        _look_ahead(scheduler, steps, count)
    except optimizers.REFUSALS as error:
        schedules.arguments_of(config).refuse(error, read_arguments(config.lr_scheduler_args))


def _look_ahead(scheduler: Any, steps: int, count: int) -> None:
    """Ask a schedule for its rates, those of kohya's as far as the run's end.

    Raises:
        ValueError: a rate is no number.
    """
    rates = [
        rate for share in getattr(scheduler, "lr_lambdas", []) for rate in map(share, (1, steps // 2, steps))
    ]
    for _ in range(count):
        scheduler.step()
        rates += scheduler.get_last_lr()
    if not all(math.isfinite(rate) for rate in rates):
        raise ValueError("the learning rate would not be a number")
