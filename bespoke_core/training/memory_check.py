"""The memory of a planned run: told before its first step, and refused when it will not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .base_model import BaseModel
from .checkpointing import set_checkpointing
from .config import TrainingConfig
from .memory_estimate import MemoryEstimate, StepForm, estimate_memory, require_fit
from .network import LoraNetwork
from .plan import TrainingPlan
from .text import WINDOW, token_windows


def check_memory(
    plan: TrainingPlan,
    base: BaseModel,
    network: LoraNetwork,
    tokenizer: Any,
    *,
    device: torch.device,
    dtype: torch.dtype,
) -> MemoryEstimate:
    """Estimate what a run takes at its peak, with the networks as they will be trained.

    Args:
        plan: the pictures and captions decide the largest batch.
        base: on `device`, with the LoRA in it and without gradients.
        network: the LoRA.
        tokenizer: CLIP's.
        device: where this process trains.
        dtype: of autocast.

    Raises:
        InputError: the run will not fit; it names what would.
    """
    form_of = largest_step(plan, tokenizer, device=device, dtype=dtype)

    def estimate(config: TrainingConfig) -> MemoryEstimate:
        return estimate_memory(base, network, config, form_of(config))

    found = estimate(plan.config)
    try:
        require_fit(found, plan.config, estimate)
    finally:
        set_checkpointing(base, plan.config.gradient_checkpointing)
    return found


def largest_step(
    plan: TrainingPlan, tokenizer: Any, *, device: torch.device, dtype: torch.dtype
) -> Callable[[TrainingConfig], StepForm]:
    """Return what tells the largest step of a plan's pictures and captions, with another batch size too.

    The arguments are those of `check_memory`.
    """
    pictures = plan.training_set.pictures
    size = max((picture.fit.bucket for picture in pictures), key=lambda bucket: bucket[0] * bucket[1])
    texts = windows_of(tokenizer, [picture.caption for picture in pictures], plan.config.max_token_length)

    def form_of(config: TrainingConfig) -> StepForm:
        batch_size = config.train_batch_size
        # Pure padding is one window more, the same for all.
        windows = min(sum(sorted(texts)[-batch_size:]) + 1, batch_size * (config.max_token_length // WINDOW))
        return StepForm(size, batch_size, windows, device, dtype)

    return form_of


def windows_of(tokenizer: Any, captions: list[str], max_tokens: int) -> list[int]:
    """Return how many windows of each caption hold text, at least one."""
    if not captions:
        return []
    windows = token_windows(tokenizer, captions, max_tokens)
    padding = windows[:, :, -1:]
    return [max(1, int(count)) for count in (windows[:, :, 1:] != padding).any(dim=2).sum(dim=1)]
