"""How much memory a run will take, told before its first step.

One step is run on tensors without content, which takes a second or two whatever the model's size, and what
would be alive at each moment is counted. So every option that matters (batch, resolution, caption length,
checkpointing, precision, the LoRA's kind) is in the figure by itself.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError
from ..memory import available_memory
from .base_model import BaseModel
from .checkpointing import set_checkpointing
from .config import TrainingConfig, with_values
from .live_bytes import LiveBytes
from .network import LoraNetwork
from .text import WINDOW

_STATUS = Path("/proc/self/status")
OVER_LIVE = {"cpu": (1.15, 150_000_000), "cuda": (1.08, 100_000_000)}
"""What a step takes over its live tensors: gaps between them, in proportion, and the scratch space in bytes.

Measured on runs in a process of their own: `benchmarks/training_memory.py`."""
_SAVING = {None: 4.0, "float": 4.0, "fp32": 4.0, "fp16": 2.5, "bf16": 2.5}
"""What writing a checkpoint takes, in times the LoRA's own 32-bit numbers."""
_COPIES = {"AdamW": 2, "AdamW8bit": 0.5, "Lion": 1, "Prodigy": 4, "Adafactor": 0.1, "SGD": 1}
"""What an optimizer keeps for each number that it trains, in 32-bit numbers; 2 where nothing is written."""


@dataclass(frozen=True)
class StepForm:
    """The largest step of a run: what passes through the networks at a time, and where.

    Attributes:
        size: (width, height) in pixels of the largest pictures.
        batch_size: pictures at a time.
        windows: of text, 77 tokens each, that are encoded at a time where the text encoder is trained.
        device: where the run takes place.
        dtype: of autocast.
    """

    size: tuple[int, int]
    batch_size: int
    windows: int
    device: torch.device
    dtype: torch.dtype


@dataclass(frozen=True)
class Holding:
    """What lies in a device's memory before the first step, in bytes.

    Attributes:
        now: programs, the base model, the LoRA and cached latents.
        before: the most that was held until now.
        available: for the whole run, what it holds already included; None where nothing tells.
    """

    now: int
    before: int
    available: int | None


@dataclass(frozen=True)
class MemoryEstimate:
    """What a run needs at its peak, in bytes on `device`.

    Attributes:
        device: "cpu" or "cuda".
        held: what lies in memory throughout: programs, the base model, the LoRA and cached latents.
        step: what a step adds at its peak (activations, gradients and scratch space), or writing a
            checkpoint where that takes more.
        optimizer: what the optimizer keeps.
        before: the most that was held until now, while the base model was loaded.
        available: bytes for all of this, what the run already holds included; None where nothing tells.
    """

    device: str
    held: int
    step: int
    optimizer: int
    before: int
    available: int | None

    @property
    def total(self) -> int:
        """The run's peak."""
        return max(self.before, self.held + self.step + self.optimizer)

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

    def fit_text(self) -> str:
        """Return the sentence with whether there is enough."""
        if self.available is None:
            return self.text()
        there = f"{_gb(self.available)} are there"
        return f"{self.text()}; {there}" if self.fits else f"{self.text()}, which does not fit: {there}"

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, JSON-able."""
        return {**asdict(self), "total": self.total, "fits": self.fits}


def estimate_memory(
    base: BaseModel,
    network: LoraNetwork,
    config: TrainingConfig,
    form: StepForm,
    *,
    there: Holding | None = None,
    fake: Any = None,
) -> MemoryEstimate:
    """Estimate a run's peak; the networks must be on the form's device, with their LoRA.

    Args:
        base: as it is trained.
        network: the LoRA in it.
        config: which parts are trained, caption length, optimizer.
        form: of the largest step.
        there: what is held before the first step; None measures what this process holds.
        fake: torch's FakeTensorMode in which the networks were made without content; None for real ones.
    """
    device, live = form.device, _live_bytes(base, config, form, fake)
    trained = sum(parameter.numel() for parameter in network.parameters())
    copies = _COPIES.get(config.optimizer_type, 2)
    there = there or held_now(device)
    times, scratch = OVER_LIVE[device.type]
    saving = 0 if device.type == "cuda" else 4 * trained * _SAVING[config.save_precision]
    return MemoryEstimate(
        device.type,
        there.now,
        int(max(live * times + scratch, saving)),
        int(4 * trained * copies),
        there.before,
        there.available,
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


def _live_bytes(base: BaseModel, config: TrainingConfig, form: StepForm, fake: Any) -> int:
    """Return the most bytes that a step's tensors take at one moment, the models' own weights left out."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    made_fake, fake = fake is not None, fake or FakeTensorMode(allow_non_fake_inputs=True)
    live = LiveBytes()
    for model in (base.unet, base.text_encoder):
        for tensor in (*model.parameters(), *model.buffers()):
            live.leave_out(tensor if made_fake else fake.from_tensor(tensor))
    set_checkpointing(base, config.gradient_checkpointing)
    with fake, live:
        _one_step(base, config, form).backward()
    for model in (base.unet, base.text_encoder):
        model.zero_grad(set_to_none=True)
    return live.peak


def _one_step(base: BaseModel, config: TrainingConfig, form: StepForm) -> torch.Tensor:
    device, dtype, (width, height) = form.device, form.dtype, form.size
    tokens = config.max_token_length + 2
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        context = torch.empty((form.batch_size, tokens, base.layout.context_dim), device=device)
        if config.trains_text_encoder:
            ids = torch.zeros((form.windows, WINDOW + 2), dtype=torch.long, device=device)
            context = context + base.text_encoder(ids).last_hidden_state.mean()
        latents = torch.empty((form.batch_size, 4, height // 8, width // 8), device=device)
        timesteps = torch.zeros((form.batch_size,), dtype=torch.long, device=device)
        predicted = base.unet(latents.to(dtype), timesteps, context.to(dtype)).sample
        return torch.nn.functional.mse_loss(predicted.float(), latents)


def held_now(device: torch.device) -> Holding:
    """Return what this process holds on the device, and what it may hold in all."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        held = torch.cuda.memory_reserved(device)
        return Holding(held, 0, held + free)
    import psutil

    held = psutil.Process().memory_info().rss
    available = available_memory()
    return Holding(held, most_held(), None if available is None else held + available)


def most_held() -> int:
    """Return the most memory that this process has held so far, in bytes."""
    import psutil

    told = psutil.Process().memory_info()
    if (peak := getattr(told, "peak_wset", None)) is not None:  # Windows
        return int(peak)
    with contextlib.suppress(OSError):  # only Linux has it
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    # Not first: on Linux a program that another one starts begins with what that one held.
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
