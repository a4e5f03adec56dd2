"""How long and how fast: steps, batches, precision, optimizer and learning rate."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from .fields import TRAINING, Keys, field


def _warmup(value: object) -> object:
    """Turn 100.0 into 100: kohya would take it for a hundredfold ratio of the run."""
    if isinstance(value, float) and value >= 1:
        if value != int(value):
            raise ValueError("a number of steps is whole; a ratio of the run is below 1")
        return int(value)
    return value


Warmup = Annotated[int | float, BeforeValidator(_warmup)]


class OptimizationKeys(Keys):
    """How long and how fast: steps, batches, precision, optimizer and learning rate."""

    max_train_epochs: int | None = field(
        TRAINING,
        None,
        "How many times the data set is gone through; wins over max_train_steps.",
        "epochs",
        ge=1,
        le=100_000,
    )
    max_train_steps: int = field(
        TRAINING, 1600, "How many optimizer steps, where no epochs are given.", "steps", ge=1, le=10_000_000
    )
    train_batch_size: int = field(TRAINING, 1, "Pictures in a step.", "pictures", ge=1, le=1024)
    gradient_accumulation_steps: int = field(
        TRAINING, 1, "Batches whose gradients are added up before a step.", "batches", ge=1, le=1024
    )
    gradient_checkpointing: bool = field(
        TRAINING, False, "Saves memory and costs about a third of the speed; the result is the same."
    )
    mixed_precision: Literal["no", "fp16", "bf16"] = field(
        TRAINING, "no", "The number format for the base model; the LoRA itself is trained in 32 bits."
    )
    xformers: bool = field(TRAINING, False, "Accepted: torch's own attention (SDPA) is used instead.")
    sdpa: bool = field(TRAINING, False, "Accepted: torch's own attention (SDPA) is always used.")
    optimizer_type: Literal["AdamW", "AdamW8bit"] = field(
        TRAINING,
        "AdamW",
        "The optimizer. AdamW8bit needs bitsandbytes and an NVIDIA GPU; without them AdamW is used.",
    )
    weight_decay: float = field(
        TRAINING, 0.01, "AdamW's weight decay (in kohya: optimizer_args).", "", ge=0, le=1
    )
    max_grad_norm: float = field(
        TRAINING, 1.0, "Gradients are scaled down to this norm; 0 leaves them.", "", ge=0, le=1000
    )
    learning_rate: float = field(
        TRAINING,
        2e-6,
        "The learning rate of what has none of its own.",
        "",
        ge=0,
        le=10,
    )
    unet_lr: float | None = field(
        TRAINING,
        None,
        "The UNet's learning rate; not given is learning_rate; 0 leaves the UNet out.",
        "",
        ge=0,
        le=10,
    )
    text_encoder_lr: float | None = field(
        TRAINING,
        None,
        "The text encoder's learning rate; not given is learning_rate; 0 leaves the text encoder out.",
        "",
        ge=0,
        le=10,
    )
    lr_scheduler: Literal[
        "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup"
    ] = field(TRAINING, "constant", "How the learning rate goes on over the run; constant has no warm-up.")
    lr_warmup_steps: Warmup = field(
        TRAINING,
        0,
        "The learning rate rises from 0 over this many steps; below 1, this share of the run.",
        "steps",
        ge=0,
        le=10_000_000,
    )
    lr_scheduler_num_cycles: int = field(
        TRAINING, 1, "How often cosine_with_restarts comes down.", "cycles", ge=1, le=1000
    )
    lr_scheduler_power: float = field(TRAINING, 1.0, "The power of polynomial.", "", ge=0, le=100)
    seed: int = field(
        TRAINING,
        42,
        "All chance in the run comes from this number: same seed, same files.",
        "",
        ge=0,
        le=2**63 - 1,
    )
