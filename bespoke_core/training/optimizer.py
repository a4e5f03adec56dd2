"""The optimizer that a configuration asks for, made from the library that brings it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import torch

from ..errors import InputError
from .config import TrainingConfig
from .keys.arguments import read_arguments
from .keys.optimizers import OptimizerKind, check_installed, is_installed, optimizer_kind
from .signatures import Arguments

Notice = Callable[[str], None]
REFUSALS = (TypeError, ValueError, AssertionError, RuntimeError, ArithmeticError, LookupError)
"""What libraries raise on a value that they cannot use."""


def kind_of(config: TrainingConfig) -> OptimizerKind:
    """Return the row of the table of optimizers that the configuration names."""
    kind = optimizer_kind(config.optimizer_type)
    assert kind is not None, "the configuration knows the table's names alone"
    return kind


def usable_kind(config: TrainingConfig, *, cuda: bool, notice: Notice = lambda text: None) -> OptimizerKind:
    """Return the optimizer that will be used on this machine.

    AdamW8bit becomes AdamW where it cannot work: the same steps in 32 bits, with more memory.

    Args:
        config: optimizer_type is read.
        cuda: whether the run has an NVIDIA GPU.
        notice: told when another optimizer than the one asked for is used.

    Raises:
        InputError: the optimizer's library is not installed, or it needs a GPU and there is none.
    """
    kind = kind_of(config)
    check_installed(kind)
    if is_installed(kind) and (cuda or not kind.needs_gpu):
        return kind
    if kind.name == "AdamW8bit":
        notice("AdamW8bit needs bitsandbytes and an NVIDIA GPU: AdamW is used, with more memory.")
        return kind_of(config.model_copy(update={"optimizer_type": "AdamW"}))
    raise InputError(
        "needs an NVIDIA GPU, and there is none here",
        field="optimizer_type",
        value=kind.name,
        remedy="Use another optimizer, such as AdamW.",
    )


def class_of(kind: OptimizerKind) -> type[Any]:
    """Return the class behind an optimizer's name; its library is imported."""
    found: type[Any] = getattr(importlib.import_module(kind.module), kind.cls)
    return found


def arguments_of(kind: OptimizerKind, key: str = "optimizer_args") -> Arguments:
    """Return what a user may give an optimizer in `key`; the network and the rates come from other keys."""
    elsewhere = {"params": "Leave it out.", "lr": "Set learning_rate, unet_lr or text_encoder_lr."}
    return Arguments(kind.name, class_of(kind), key, elsewhere)


def make_optimizer(
    config: TrainingConfig,
    groups: Mapping[str, list[torch.nn.Parameter] | list[dict[str, Any]]],
    device: torch.device,
    notice: Notice,
) -> torch.optim.Optimizer:
    """Make the optimizer with a parameter group for each part of the network, at its learning rate.

    Args:
        config: optimizer_type, optimizer_args, weight_decay and the learning rates are read.
        groups: "unet" and "text_encoder" to their parameters, or to groups of them with rates of their own
            ({"params": [...], "lr": ...}); an empty part is left out.
        device: where the parameters are.
        notice: told when another optimizer than the one asked for is used, or the rates look wrong for it.

    Raises:
        InputError: the library is not installed, or an argument is not one of the optimizer's.
    """
    kind = usable_kind(config, cuda=device.type == "cuda", notice=notice)
    cls = class_of(kind)
    arguments = _arguments(config, kind, device)
    parameters = _groups(config, groups)
    rate: float | None = config.learning_rate or parameters[0]["lr"]
    if kind.name == "Adafactor" and arguments["relative_step"]:
        notice(
            "Adafactor finds its own rate (relative_step): the learning rates and lr_scheduler are not used."
        )
        rate = None
        for group in parameters:
            group.pop("lr")
    elif kind.finds_rate and max(group["lr"] for group in parameters) <= 0.1:
        notice(f"{kind.name} finds the step size itself and expects a learning rate of about 1.0.")
    try:
        optimizer: torch.optim.Optimizer = cls(parameters, lr=rate, **arguments)
    except REFUSALS as error:
        arguments_of(kind).refuse(error, read_arguments(config.optimizer_args))
    if kind.schedule_free:
        optimizer.train()  # type: ignore[attr-defined]  # from here on it steps; files get its other weights
    return optimizer


def described(optimizer: torch.optim.Optimizer, config: TrainingConfig) -> str:
    """Return the optimizer's class and arguments as kohya writes them into a file's metadata."""
    name = f"{type(optimizer).__module__}.{type(optimizer).__qualname__}"
    arguments = read_arguments(config.optimizer_args)
    if config.weight_decay is not None:
        arguments.setdefault("weight_decay", config.weight_decay)
    told = ",".join(f"{key}={value}" for key, value in arguments.items())
    return f"{name}({told})" if told else name


def _groups(config: TrainingConfig, groups: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for part, parameters in groups.items():
        rate = config.rate_of("unet" if part == "unet" else "text_encoder")
        if parameters and isinstance(parameters[0], dict):
            found += [{"lr": rate, **group} for group in parameters if group["params"]]
        elif parameters:
            found.append({"params": parameters, "lr": rate})
    return found


def _arguments(config: TrainingConfig, kind: OptimizerKind, device: torch.device) -> dict[str, Any]:
    """Return what the optimizer is made with: what is given, what kohya assumes, what always holds."""
    given = read_arguments(config.optimizer_args)
    arguments_of(kind).check(given)
    if config.weight_decay is not None:
        arguments_of(kind, "weight_decay").check({"weight_decay": config.weight_decay})
        given.setdefault("weight_decay", config.weight_decay)
    arguments = {**kind.unless_given, **given, **kind.always}
    if kind.name == "Adafactor":
        # As in kohya, and as the class demands: warmup_init is a way of relative_step.
        arguments["relative_step"] = arguments.get("relative_step", True) or bool(
            arguments.get("warmup_init")
        )
    if kind.module == "torch.optim" and kind.cls in ("AdamW", "Adam", "SGD", "Adagrad"):
        chosen = any(arguments.get(key) is not None for key in ("foreach", "fused", "capturable"))
        # One pass over each matrix. The same bits whatever the number of threads: each element is by itself.
        if not chosen and device.type in ("cpu", "cuda"):
            arguments["fused"] = True
    return arguments
