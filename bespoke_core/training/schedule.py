"""Optimizer and learning rate over the run."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import torch

from .config import TrainingConfig


def make_optimizer(
    config: TrainingConfig,
    groups: dict[str, list[torch.nn.Parameter]],
    device: torch.device,
    notice: Callable[[str], None],
) -> torch.optim.Optimizer:
    """Make the optimizer with one parameter group for each part of the network, at its learning rate.

    Args:
        config: optimizer_type, weight_decay and the learning rates are read.
        groups: "unet" and "text_encoder" to their parameters; an empty part is left out.
        device: where the parameters are.
        notice: told when another optimizer than the one asked for is used.
    """
    parameters: list[dict[str, Any]] = [
        {"params": found, "lr": config.rate_of("unet" if part == "unet" else "text_encoder")}
        for part, found in groups.items()
        if found
    ]
    if config.optimizer_type == "AdamW8bit":
        if device.type == "cuda" and importlib.util.find_spec("bitsandbytes") is not None:
            bitsandbytes = importlib.import_module("bitsandbytes")
            return bitsandbytes.optim.AdamW8bit(parameters, weight_decay=config.weight_decay)
        notice("AdamW8bit needs bitsandbytes and an NVIDIA GPU: AdamW is used, with more memory.")
    return torch.optim.AdamW(parameters, weight_decay=config.weight_decay)


def warmup_steps(config: TrainingConfig, steps: int) -> int:
    """Return the warm-up in optimizer steps; a value below 1 is a share of the run."""
    asked = config.lr_warmup_steps
    return int(asked) if asked >= 1 else int(asked * steps)


def make_scheduler(
    config: TrainingConfig, optimizer: torch.optim.Optimizer, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Make the learning-rate schedule over `steps` optimizer steps; `step()` once for each of them.

    The formulas are those that kohya shares with diffusers. cosine_with_restarts: with warm-up w and
    p = (s - w) / (steps - w), the rate is 0.5 (1 + cos(pi ((cycles p) mod 1))), and 0 from p = 1 on.
    """
    from diffusers.optimization import get_scheduler

    return get_scheduler(
        config.lr_scheduler,
        optimizer,
        num_warmup_steps=warmup_steps(config, steps),
        num_training_steps=steps,
        num_cycles=config.lr_scheduler_num_cycles,
        power=config.lr_scheduler_power,
    )
