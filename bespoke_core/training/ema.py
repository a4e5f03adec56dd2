"""The running mean of the LoRA's weights, and which weights a file gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import torch

from .config import TrainingConfig

if TYPE_CHECKING:
    from .session import Session


class Weights(Protocol):
    """What is averaged: a LoRA network."""

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the weights by name, detached, without copying."""

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Copy weights named as in `tensors()` into the network."""


class Ema:
    """An exponential moving average of a network's weights over its steps (Polyak and Juditsky 1992).

    Early on the average follows faster, with (1 + n) / (10 + n) in place of `decay` at the n-th averaging, as
    OneTrainer and diffusers do, so that it does not keep to where the run began.

    Args:
        network: what is averaged; its weights now are the first average.
        decay: how much of the average stays each time, 0 up to below 1.
        interval: average at every so many steps.

    Attributes:
        updates: how many steps `update` was told of; a state keeps it.
    """

    def __init__(self, network: Weights, decay: float, interval: int = 1) -> None:
        self.updates = 0
        self._network, self._decay, self._interval = network, decay, interval
        self._mean = {key: value.clone() for key, value in network.tensors().items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights after an optimizer step into the average."""
        self.updates += 1
        if self.updates % self._interval:
            return
        count = self.updates // self._interval
        new = 1 - min(self._decay, (1 + count) / (10 + count))
        for key, value in self._network.tensors().items():
            self._mean[key].lerp_(value, new)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the averaged weights by the network's names, without copying."""
        return dict(self._mean)

    @torch.no_grad()
    def load(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Copy averaged weights back from a state."""
        for key, mean in self._mean.items():
            mean.copy_(tensors[key])

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Let the network hold the averaged weights for a while; it gets its own back, bit for bit."""
        with _kept(self._network):
            self._network.load(self._mean)
            yield


def make_ema(config: TrainingConfig, network: Weights) -> Ema | None:
    """Return the average that the configuration asks for, or None."""
    if not config.ema_decay:
        return None
    return Ema(network, config.ema_decay, config.ema_update_step_interval)


@contextmanager
def weights_to_keep(session: Session) -> Iterator[None]:
    """Let the network hold the weights that are written, judged and validated; then those that are trained.

    They are the averaged ones with ema_decay, those of its evaluation for a schedule-free optimizer (which
    keeps two sets), else the trained ones themselves.
    """
    optimizer: Any = session.optimizer
    if session.ema is not None:
        with session.ema.swapped():
            yield
    elif optimizer.param_groups[0].get("train_mode"):
        with _kept(session.network):
            optimizer.eval()
            try:
                yield
            finally:
                optimizer.train()
    else:
        yield


@contextmanager
def _kept(network: Weights) -> Iterator[None]:
    """Give the network its present weights back at the end, bit for bit."""
    before = {key: value.clone() for key, value in network.tensors().items()}
    try:
        yield
    finally:
        network.load(before)
