"""How much memory a run will take, told before its first step.

One step is run on tensors without content, which takes a second or two whatever the model's size, and what
would be alive at each moment is counted. So every option that matters (batch, resolution, caption length,
checkpointing, precision, the LoRA's kind) is in the figure by itself.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ..errors import InputError
from ..memory import available_memory
from .base_model import BaseModel
from .checkpointing import set_checkpointing
from .config import TrainingConfig, with_values
from .network import LoraNetwork
from .text import WINDOW

ALLOCATOR = {"cpu": 1.3, "cuda": 1.08}
"""What a step takes over the sum of its live tensors: gaps between them, and the kernels' own scratch space.

Measured on runs in a process of their own: `benchmarks/training_memory.py`."""
_COPIES = {"AdamW": 2, "AdamW8bit": 0.5, "Lion": 1, "Prodigy": 4, "Adafactor": 0.1, "SGD": 1}
"""What an optimizer keeps for each number that it trains, in 32-bit numbers; 2 where nothing is written."""


@dataclass(frozen=True)
class MemoryEstimate:
    """What a run needs at its peak, in bytes on `device`.

    Attributes:
        device: "cpu" or "cuda".
        held: what lies in memory throughout: programs, the base model, the LoRA and cached latents.
        step: what a step adds at its peak: activations, gradients and scratch space.
        optimizer: what the optimizer keeps.
        available: bytes for all of this, what the run already holds included; None where nothing tells.
    """

    device: str
    held: int
    step: int
    optimizer: int
    available: int | None

    @property
    def total(self) -> int:
        """The run's peak."""
        return self.held + self.step + self.optimizer

    @property
    def fits(self) -> bool:
        """Whether there is enough memory, as far as anything tells."""
        return self.available is None or self.total <= self.available

    def text(self) -> str:
        """Return one sentence for people."""
        return (
            f"about {_gb(self.total)} of memory ({_gb(self.held)} held, {_gb(self.step)} for a step, "
            f"{_gb(self.optimizer)} for the optimizer)"
        )


def estimate_memory(
    base: BaseModel,
    network: LoraNetwork,
    config: TrainingConfig,
    *,
    size: tuple[int, int],
    batch_size: int,
    windows: int,
    device: torch.device,
    dtype: torch.dtype,
    to_hold: int = 0,
) -> MemoryEstimate:
    """Estimate a run's peak; the networks must be on `device`, with their LoRA.

    Args:
        base: as it is trained.
        network: the LoRA in it.
        config: which parts are trained, caption length, optimizer.
        size: (width, height) in pixels of the largest pictures.
        batch_size: pictures at a time.
        windows: of text, 77 tokens each, that are encoded at a time where the text encoder is trained.
        device: where the run takes place.
        dtype: of autocast.
        to_hold: bytes that will be held besides what the process holds now.
    """
    live = _live_bytes(
        base, config, size=size, batch_size=batch_size, windows=windows, device=device, dtype=dtype
    )
    trained = sum(parameter.numel() for parameter in network.parameters())
    copies = _COPIES.get(config.optimizer_type, 2)
    held, available = _held(device)
    return MemoryEstimate(
        device.type,
        held + to_hold,
        int(live * ALLOCATOR.get(device.type, 1.1)),
        int(4 * trained * copies),
        available,
    )


def require_fit(
    estimate: MemoryEstimate,
    config: TrainingConfig,
    step_of: Callable[[TrainingConfig], MemoryEstimate],
) -> None:
    """Refuse a run that will not fit, and say what would.

    Args:
        estimate: of `config`.
        config: what was asked for.
        step_of: estimates a changed configuration.

    Raises:
        InputError: there is less memory than the run needs.
    """
    if estimate.fits:
        return
    field, value, remedy = _advice(config, step_of)
    there = _gb(estimate.available or 0)
    raise InputError(
        f"the run needs {estimate.text()} and {there} are there", field=field, value=value, remedy=remedy
    )


def _advice(
    config: TrainingConfig, step_of: Callable[[TrainingConfig], MemoryEstimate]
) -> tuple[str, object, str]:
    """Return the key to change, its value now, and what to do: the first change that fits."""
    ways: list[tuple[str, Any]] = []
    if not config.gradient_checkpointing:
        ways.append(("gradient_checkpointing", True))
    size = config.train_batch_size
    while size > 1:
        size //= 2
        ways.append(("train_batch_size", size))
    changed = config
    for key, new in ways:
        changed = with_values(changed, **{key: new})
        found = step_of(changed)
        if found.fits:
            told = ", ".join(
                f"{name} = {str(getattr(changed, name)).lower()}"
                for name in ("gradient_checkpointing", "train_batch_size")
                if getattr(changed, name) != getattr(config, name)
            )
            return key, getattr(config, key), f"Use {told}: then it is {found.text()}."
    return (
        "resolution",
        config.resolution,
        "Use a smaller resolution, close other programs, or train on a machine with more memory.",
    )


def _live_bytes(
    base: BaseModel,
    config: TrainingConfig,
    *,
    size: tuple[int, int],
    batch_size: int,
    windows: int,
    device: torch.device,
    dtype: torch.dtype,
) -> int:
    """Return the most bytes that a step's tensors take at one moment, the models' own weights left out."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    fake = FakeTensorMode(allow_non_fake_inputs=True)
    live = LiveBytes()
    for model in (base.unet, base.text_encoder):
        for tensor in (*model.parameters(), *model.buffers()):
            live.leave_out(fake.from_tensor(tensor))
    set_checkpointing(base, config.gradient_checkpointing)
    with fake, live:
        step = _one_step(
            base, config, size=size, batch_size=batch_size, windows=windows, device=device, dtype=dtype
        )
        step.backward()
    for model in (base.unet, base.text_encoder):
        model.zero_grad(set_to_none=True)
    return live.peak


def _one_step(
    base: BaseModel,
    config: TrainingConfig,
    *,
    size: tuple[int, int],
    batch_size: int,
    windows: int,
    device: torch.device,
    dtype: torch.dtype,
) -> torch.Tensor:
    tokens = config.max_token_length + 2
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        context = torch.empty((batch_size, tokens, base.layout.context_dim), device=device)
        if config.trains_text_encoder:
            ids = torch.zeros((windows, WINDOW + 2), dtype=torch.long, device=device)
            context = context + base.text_encoder(ids).last_hidden_state.mean()
        latents = torch.empty((batch_size, 4, size[1] // 8, size[0] // 8), device=device)
        timesteps = torch.zeros((batch_size,), dtype=torch.long, device=device)
        predicted = base.unet(latents.to(dtype), timesteps, context.to(dtype)).sample
        return torch.nn.functional.mse_loss(predicted.float(), latents)


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors made while it is entered that are alive; `peak` is their most."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._now = 0
        self._known: set[int] = set()
        self._left_out: list[torch.Tensor] = []

    def leave_out(self, tensor: torch.Tensor) -> None:
        """Do not count a tensor that was there before."""
        self._left_out.append(tensor)
        self._known.add(tensor.untyped_storage()._cdata)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._count(leaf.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known.add(key)
        self._now += size
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._gone, key, size)

    def _gone(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._now -= size


def _held(device: torch.device) -> tuple[int, int | None]:
    """Return what the process holds on the device, and what it may hold in all."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        held = torch.cuda.memory_reserved(device)
        return held, held + free
    import psutil

    held = psutil.Process().memory_info().rss
    available = available_memory()
    return held, None if available is None else held + available


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
