"""What is needed to go on after an interruption: one safetensors file, replaced whole.

Chance needs no state: every draw comes from the seed and the place in the run. So the file holds the LoRA,
the optimizer's tensors, and as JSON in its metadata the counters, the schedule and the loss scale.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError
from ..files import whole_file
from .network import LoraNetwork

STATE_FILE = Path("state") / "state.safetensors"
_FORM = 1


@dataclass(frozen=True)
class Place:
    """How far a run has come.

    Attributes:
        epoch: the epoch that is under way, from 1; the one after the last when all are done.
        batch: batches of that epoch that are done.
        step: optimizer steps done since the run's very start.
        loss_sum, loss_count: the losses of this epoch's steps so far, for its mean.
    """

    epoch: int = 1
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0


def save_state(
    path: Path,
    place: Place,
    *,
    fingerprint: str,
    network: LoraNetwork,
    optimizer: torch.optim.Optimizer,
    scheduler: Any,
    scaler: Any = None,
) -> None:
    """Write the state; the former one is kept until this one is whole.

    Raises:
        OSError: the disk is full; the former state is unchanged.
    """
    from safetensors.torch import save_file

    kept = optimizer.state_dict()
    tensors = {f"lora.{key}": value for key, value in network.tensors().items()}
    plain: dict[str, dict[str, Any]] = {}
    for number, entries in kept["state"].items():
        for name, value in entries.items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimizer.{number}.{name}"] = value
            else:
                plain.setdefault(str(number), {})[name] = value
    told = {
        "form": _FORM,
        "fingerprint": fingerprint,
        "place": asdict(place),
        "scheduler": {k: v for k, v in scheduler.state_dict().items() if k != "lr_lambdas"},
        "rates": [group["lr"] for group in optimizer.param_groups],
        "optimizer": plain,
        "scaler": None if scaler is None else scaler.state_dict(),
    }
    with whole_file(path) as temporary:
        save_file(
            {key: value.detach().cpu().contiguous() for key, value in tensors.items()},
            temporary,
            {"bespoke": json.dumps(told)},
        )


def load_state(
    path: Path,
    *,
    fingerprint: str,
    network: LoraNetwork,
    optimizer: torch.optim.Optimizer,
    scheduler: Any,
    scaler: Any = None,
) -> Place:
    """Read the state into the network, the optimizer and the schedule; return where to go on.

    Raises:
        InputError: the file is damaged, or belongs to another configuration, data set or base model.
    """
    from safetensors import SafetensorError, safe_open

    remedy = "Start the run anew: without --resume, in another folder."
    try:
        with safe_open(path, framework="pt") as file:
            told = json.loads((file.metadata() or {})["bespoke"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise InputError(f"is not a whole training state ({error})", file=path, remedy=remedy) from None
    if told["fingerprint"] != fingerprint or told["form"] != _FORM:
        raise InputError(
            "belongs to a run with another configuration, data set or base model", file=path, remedy=remedy
        )
    network.load({k.removeprefix("lora."): v for k, v in tensors.items() if k.startswith("lora.")})
    state: dict[int, dict[str, Any]] = {int(number): dict(v) for number, v in told["optimizer"].items()}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, number, name = key.split(".", 2)
            state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    # The schedule's formulas are not state; the library wants a place for them all the same.
    scheduler.load_state_dict({**told["scheduler"], "lr_lambdas": [None] * len(optimizer.param_groups)})
    for group, rate in zip(optimizer.param_groups, told["rates"], strict=True):
        group["lr"] = rate
    if scaler is not None and told["scaler"]:
        scaler.load_state_dict(told["scaler"])
    return Place(**told["place"])
