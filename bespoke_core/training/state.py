"""What is needed to go on after an interruption: one safetensors file, replaced whole.

Chance needs no state: every draw comes from the seed and the place in the run. So the file holds the LoRA,
its running mean, the optimizer's tensors, and as JSON in its metadata the counters, the optimizer's other
values, the schedule and the loss scale.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError
from ..files import whole_file
from .errors import TrainingError
from .network import LoraNetwork
from .state_header import ANEW, FORM, STATE_FILE, Place, read_header

__all__ = ["STATE_FILE", "Place", "State", "Stateful", "load_state", "read_state", "save_state"]


@dataclass(frozen=True)
class Stateful:
    """The parts of a run that a state holds.

    Attributes:
        network: the LoRA.
        optimizer, scheduler: torch's.
        scaler: the loss scale of 16-bit training, or None.
        ema: the LoRA's running mean, or None.
    """

    network: LoraNetwork
    optimizer: torch.optim.Optimizer
    scheduler: Any
    scaler: Any = None
    ema: Any = None


@dataclass(frozen=True)
class State:
    """A state as it was read.

    Attributes:
        told: what is no tensor; JSON-able.
        tensors: "lora.<key>", "ema.<key>", "optimizer.<number>.<name>", "group.<number>.<name>".
    """

    told: dict[str, Any]
    tensors: dict[str, torch.Tensor]

    @property
    def place(self) -> Place:
        """Where the run goes on."""
        return Place(**self.told["place"])

    def part(self, name: str) -> dict[str, torch.Tensor]:
        """Return the tensors of one part, "lora" or "ema", under their own keys."""
        start = f"{name}."
        return {key.removeprefix(start): v for key, v in self.tensors.items() if key.startswith(start)}


def save_state(path: Path, place: Place, parts: Stateful, *, fingerprint: str) -> None:
    """Write the state; the former one is kept until this one is whole.

    Raises:
        TrainingError: a number in it is not finite; the former state is unchanged.
        OSError: the disk is full; the former state is unchanged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors, told = _taken(parts)
    for key, value in tensors.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise TrainingError(f"{key} is no longer a number. The state before this step is kept.")
    told |= {"form": FORM, "fingerprint": fingerprint, "place": asdict(place), "crc": _crc(tensors)}
    with whole_file(path) as temporary:
        try:
            save_file(tensors, temporary, {"bespoke": json.dumps(told)})
        except SafetensorError as error:  # its word for a full disk
            raise OSError(str(error)) from error


def read_state(path: Path, *, fingerprint: str | None = None) -> State:
    """Read a state.

    Args:
        path: of the file.
        fingerprint: the run that it must belong to; None takes a state of any run.

    Raises:
        InputError: the file is damaged, of another version, or belongs to another configuration, data set
            or base model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    told = read_header(path, fingerprint=fingerprint)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"is not a whole training state ({error})", file=path, remedy=ANEW) from None
    if told.get("crc", (crc := _crc(tensors))) != crc:
        raise InputError(
            "is damaged: it does not hold the numbers that were written to it", file=path, remedy=ANEW
        )
    return State(told, tensors)


def load_state(state: State, parts: Stateful, *, path: Path, own_rates: bool = False) -> Place:
    """Bring a state into the network, the optimizer, the schedule and the rest; return where to go on.

    Args:
        state: as it was read; `path` is where from, for errors.
        parts: made from the run's configuration.
        own_rates: the state is another run's: keep this run's learning rates, at the schedule's place.

    Raises:
        InputError: the state is of another network or optimizer.
    """
    told, network = state.told, parts.network
    wanted = {key: tuple(value.shape) for key, value in network.tensors().items()}
    if wanted != {key: tuple(value.shape) for key, value in state.part("lora").items()}:
        raise InputError("is of a network of another size or kind", file=path, remedy=ANEW)
    if told["kind"] != _kind(parts.optimizer) or len(told["groups"]) != len(parts.optimizer.param_groups):
        raise InputError(
            f"is of another optimizer ({told['kind']})", file=path, field="optimizer_type", remedy=ANEW
        )
    network.load(state.part("lora"))
    _load_optimizer(state, parts.optimizer, rates=not own_rates)
    # The schedule's formulas are not state; the library wants a place for them all the same.
    formulas = {"lr_lambdas": [None] * len(parts.optimizer.param_groups)}
    kept = {**told["scheduler"], **(formulas if "lr_lambdas" in parts.scheduler.state_dict() else {})}
    if own_rates:
        kept["base_lrs"] = parts.scheduler.base_lrs
    parts.scheduler.load_state_dict(kept)
    if own_rates and isinstance(parts.scheduler, torch.optim.lr_scheduler.LambdaLR):
        shares = [formula(parts.scheduler.last_epoch) for formula in parts.scheduler.lr_lambdas]
        for group, base, share in zip(parts.optimizer.param_groups, kept["base_lrs"], shares, strict=True):
            group["lr"] = base * share
    if parts.scaler is not None and told["scaler"]:
        parts.scaler.load_state_dict(told["scaler"])
    if parts.ema is not None and told["ema"] is not None:
        parts.ema.load(state.part("ema"))
        parts.ema.updates = told["ema"]
    return state.place


def _taken(parts: Stateful) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return the tensors and everything else of a run's parts."""
    kept = parts.optimizer.state_dict()
    tensors = {f"lora.{key}": value for key, value in parts.network.tensors().items()}
    if parts.ema is not None:
        tensors |= {f"ema.{key}": value for key, value in parts.ema.tensors().items()}
    entries = {
        number: _split(values, f"optimizer.{number}.", tensors) for number, values in kept["state"].items()
    }
    groups = [
        _split({k: v for k, v in group.items() if k != "params"}, f"group.{number}.", tensors)
        for number, group in enumerate(kept["param_groups"])
    ]
    told = {
        "kind": _kind(parts.optimizer),
        "optimizer": entries,
        "groups": groups,
        "scheduler": {k: v for k, v in parts.scheduler.state_dict().items() if k != "lr_lambdas"},
        "scaler": None if parts.scaler is None else parts.scaler.state_dict(),
        "ema": None if parts.ema is None else parts.ema.updates,
    }
    return {key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}, told


def _crc(tensors: Mapping[str, torch.Tensor]) -> int:
    """Return the checksum of contiguous tensors' bytes: a disk may give back other ones without a word."""
    found = 0
    for key in sorted(tensors):
        found = zlib.crc32(tensors[key].reshape(-1).view(torch.uint8).numpy(), found)
    return found


def _kind(optimizer: torch.optim.Optimizer) -> str:
    return type(optimizer).__qualname__


def _split(values: Mapping[str, Any], prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Put the tensors among `values` under their full name into `tensors`; return the rest."""
    plain: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, torch.Tensor):
            tensors[prefix + name] = value
        else:
            plain[name] = {"tuple": list(value)} if isinstance(value, tuple) else value
    return plain


def _joined(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v["tuple"]) if isinstance(v, dict) and "tuple" in v else v for k, v in plain.items()}


def _load_optimizer(state: State, optimizer: torch.optim.Optimizer, *, rates: bool) -> None:
    entries: dict[int, dict[str, Any]] = {int(n): _joined(v) for n, v in state.told["optimizer"].items()}
    groups = [_joined(group) for group in state.told["groups"]]
    for key, value in state.tensors.items():
        kind, _, rest = key.partition(".")
        if kind in {"optimizer", "group"}:
            number, _, name = rest.partition(".")
            found = entries.setdefault(int(number), {}) if kind == "optimizer" else groups[int(number)]
            # A copy lies where the allocator puts tensors; in the file they lie at odd addresses, for which
            # the sums of torch.dot, by which some optimizers find their rate, come out in another order.
            found[name] = value.clone()
    optimizer.load_state_dict({**optimizer.state_dict(), "state": entries})
    for group, kept in zip(optimizer.param_groups, groups, strict=True):
        if not rates:
            kept = {k: v for k, v in kept.items() if k not in {"lr", "initial_lr"}}
        device = group["params"][0].device
        group.update({k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in kept.items()})
