"""How the learning rate goes on over the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator

from .arguments import read_arguments
from .fields import TRAINING, Keys, Refuse, TextList, field

if TYPE_CHECKING:
    from . import TrainingConfig


def _steps(value: object) -> object:
    """Turn 100.0 into 100, which kohya would take for a hundredfold of the run, and "10%" into 0.1."""
    if isinstance(value, str) and value.endswith("%"):
        try:
            value = float(value[:-1]) / 100
        except ValueError:
            raise ValueError("a share of the run is a number with %, as in 10%") from None
        if not 0 <= value < 1:
            raise ValueError("a share of the run is at least 0% and below 100%")
    if isinstance(value, float) and value >= 1:
        if not value.is_integer():
            raise ValueError("a number of steps is whole; a ratio of the run is below 1")
        return int(value)
    return value


Steps = Annotated[int | float, BeforeValidator(_steps)]


TorchScheduler = Literal[
    "",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "StepLR",
    "ExponentialLR",
    "LinearLR",
    "ConstantLR",
    "PolynomialLR",
]


class ScheduleKeys(Keys):
    """How the learning rate goes on over the run."""

    lr_scheduler: Literal[
        "linear",
        "cosine",
        "cosine_with_restarts",
        "polynomial",
        "constant",
        "constant_with_warmup",
        "inverse_sqrt",
        "cosine_with_min_lr",
        "warmup_stable_decay",
        "piecewise_constant",
        "adafactor",
    ] = field(TRAINING, "constant", "How the learning rate goes on over the run; constant has no warm-up.")
    lr_scheduler_type: TorchScheduler = field(
        TRAINING, "", "One of torch's own schedules in place of lr_scheduler; lr_scheduler_args sets it."
    )
    lr_scheduler_args: TextList = field(
        TRAINING, (), "More for the schedule, each as key=value, such as T_max=1000."
    )
    lr_warmup_steps: Steps = field(
        TRAINING,
        0,
        "The learning rate rises from 0 over this many steps; below 1, this share of the run.",
        "steps",
        ge=0,
        le=10_000_000,
    )
    lr_decay_steps: Steps = field(
        TRAINING,
        0,
        "How long warmup_stable_decay comes down at the end; below 1, this share of the run.",
        "steps",
        ge=0,
        le=10_000_000,
    )
    lr_scheduler_num_cycles: int = field(
        TRAINING, 1, "How often cosine_with_restarts comes down.", "cycles", ge=1, le=1000
    )
    lr_scheduler_power: float = field(TRAINING, 1.0, "The power of polynomial.", "", ge=0, le=100)
    lr_scheduler_timescale: int | None = field(
        TRAINING,
        None,
        "How slowly inverse_sqrt falls; not given is the warm-up, or 10000 without one.",
        "steps",
        ge=1,
        le=10_000_000,
    )
    lr_scheduler_min_lr_ratio: float | None = field(
        TRAINING,
        None,
        "Where cosine_with_min_lr and warmup_stable_decay end, as a share of the learning rate.",
        "",
        ge=0,
        le=1,
    )


def check(config: TrainingConfig, refuse: Refuse) -> None:
    """Refuse keys of the schedule that contradict each other."""
    name = config.lr_scheduler
    try:
        arguments = read_arguments(config.lr_scheduler_args)
    except ValueError as error:
        refuse("lr_scheduler_args", str(error), 'Write each as "key=value", as in "T_max=1000".')
    if config.lr_scheduler_type and config.lr_warmup_steps:
        refuse(
            "lr_warmup_steps", "has no meaning for lr_scheduler_type", "Leave it out, or use lr_scheduler."
        )
    if name == "adafactor" and config.optimizer_type != "Adafactor":
        refuse("lr_scheduler", "works with optimizer_type Adafactor alone", "Use another schedule.")
    ends = config.lr_scheduler_min_lr_ratio is not None or arguments.keys() & {"min_lr", "min_lr_rate"}
    if name == "cosine_with_min_lr" and not ends:
        refuse("lr_scheduler", "needs to know where it ends", "Set lr_scheduler_min_lr_ratio, such as 0.1.")
    if name == "piecewise_constant" and not isinstance(arguments.get("step_rules"), str):
        refuse(
            "lr_scheduler",
            "needs its steps",
            "Set lr_scheduler_args = [\"step_rules='1:100,0.5:200,0.1'\"]: 1 up to step 100, and so on.",
        )
