"""How long and how fast: steps, batches, precision, optimizer and learning rate."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator

from .arguments import read_arguments
from .fields import TRAINING, Keys, Refuse, TextList, field
from .optimizers import OPTIMIZERS, optimizer_kind

if TYPE_CHECKING:
    from . import TrainingConfig


def _optimizer(value: object) -> object:
    """Return kohya's own spelling of an optimizer, found in any case or by its class path."""
    if not isinstance(value, str):
        return value
    kind = optimizer_kind(value)
    if kind is None:
        names = {known.name.lower(): known.name for known in OPTIMIZERS}
        near = difflib.get_close_matches(value.lower().rpartition(".")[2], names, n=1)
        hint = f"; did you mean {names[near[0]]}?" if near else ""
        raise ValueError(f"there is no such optimizer, and no other code is loaded by its name{hint}")
    return kind.name


if TYPE_CHECKING:
    Optimizer = str
else:  # a checker of types cannot read choices out of a table
    Optimizer = Annotated[Literal[tuple(kind.name for kind in OPTIMIZERS)], BeforeValidator(_optimizer)]


def _first_rate(value: object) -> object:
    """Take the first of kohya's list of rates, one a text encoder; SD1.5 has one text encoder."""
    if isinstance(value, (list, tuple)):
        return value[0] if value else None
    return value


TextEncoderRate = Annotated[float | None, BeforeValidator(_first_rate)]


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
    torch_compile: bool = field(
        TRAINING,
        False,
        "Compile the UNet: the first step takes a minute or more, the others less; figures differ in their "
        "last bits.",
    )
    dynamo_backend: Literal["no", "inductor", "eager", "aot_eager", "cudagraphs"] = field(
        TRAINING, "inductor", "What torch_compile compiles with; no is without it."
    )
    optimizer_type: Optimizer = field(
        TRAINING,
        "AdamW",
        "The optimizer. AdamW8bit needs bitsandbytes and an NVIDIA GPU; without them AdamW is used.",
    )
    optimizer_args: TextList = field(
        TRAINING, (), "More for the optimizer, each as key=value, such as weight_decay=0.1 or betas=0.9,0.99."
    )
    weight_decay: float | None = field(
        TRAINING,
        None,
        "The optimizer's weight decay (in kohya: optimizer_args); not given is its own, AdamW's is 0.01.",
        "",
        ge=0,
        le=1,
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
    text_encoder_lr: TextEncoderRate = field(
        TRAINING,
        None,
        "The text encoder's learning rate; not given is learning_rate; 0 leaves the text encoder out.",
        "",
        ge=0,
        le=10,
    )
    ema_decay: float | None = field(
        TRAINING,
        None,
        "Write files of weights that are averaged over the steps: each step this much of the average stays; "
        "0.999 is usual; 0 or not given is off.",
        "",
        ge=0,
        lt=1,
    )
    ema_update_step_interval: int = field(
        TRAINING, 1, "Average the weights every this many steps.", "steps", ge=1, le=1000
    )
    seed: int = field(
        TRAINING,
        42,
        "All chance in the run comes from this number: same seed, same files.",
        "",
        ge=0,
        le=2**63 - 1,
    )


def check(config: TrainingConfig, refuse: Refuse) -> None:
    """Refuse keys of the optimizer that contradict each other."""
    try:
        arguments = read_arguments(config.optimizer_args)
    except ValueError as error:
        refuse("optimizer_args", str(error), 'Write each as "key=value", as in "weight_decay=0.1".')
    wanted = arguments.get("weight_decay", config.weight_decay)
    if config.weight_decay is not None and wanted != config.weight_decay:
        refuse("weight_decay", "contradicts the one in optimizer_args", "Leave one of them out.")
    kind = optimizer_kind(config.optimizer_type)
    rates = {config.rate_of("unet"), config.rate_of("text_encoder")}
    if kind and kind.finds_rate and config.trains_unet and config.trains_text_encoder and len(rates) > 1:
        refuse(
            "optimizer_type",
            "takes one learning rate for all parts, and unet_lr and text_encoder_lr differ",
            "Give both the same, usually 1.0, or use learning_rate alone.",
        )
