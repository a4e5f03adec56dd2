"""Which optimizers there are: kohya's names, the classes behind them, and what each needs.

A name or a class path in a configuration selects a row of this table and never any other code.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import InputError


@dataclass(frozen=True)
class OptimizerKind:
    """One optimizer.

    Attributes:
        name: as kohya writes it (any case is read).
        module, cls: where its class is; imported when a run uses it.
        package: what to `pip install`; empty when Bespoke's own requirements bring it.
        needs_gpu: it works on NVIDIA GPUs only.
        finds_rate: it estimates the step size itself: one learning rate for all parts, usually 1.0.
        schedule_free: it keeps two sets of weights and needs no learning-rate schedule.
        always, unless_given: arguments that kohya gives it.
    """

    name: str
    module: str
    cls: str
    package: str = ""
    needs_gpu: bool = False
    finds_rate: bool = False
    schedule_free: bool = False
    always: Mapping[str, Any] = field(default_factory=dict)
    unless_given: Mapping[str, Any] = field(default_factory=dict)


def _torch(name: str) -> OptimizerKind:
    return OptimizerKind(name, "torch.optim", name)


def _eight_bit(name: str, cls: str = "", **arguments: Mapping[str, Any]) -> OptimizerKind:
    return OptimizerKind(name, "bitsandbytes.optim", cls or name, "bitsandbytes", needs_gpu=True, **arguments)  # type: ignore[arg-type]


def _adapting(name: str, cls: str = "", module: str = "dadaptation") -> OptimizerKind:
    return OptimizerKind(name, module, cls or name, "dadaptation", finds_rate=True)


def _schedule_free(name: str) -> OptimizerKind:
    return OptimizerKind(name, "schedulefree", name, "schedulefree", schedule_free=True)


_NESTEROV: dict[str, Mapping[str, Any]] = {"always": {"nesterov": True}, "unless_given": {"momentum": 0.9}}

OPTIMIZERS: tuple[OptimizerKind, ...] = (
    _torch("AdamW"),
    _eight_bit("AdamW8bit"),
    OptimizerKind("Adafactor", "transformers.optimization", "Adafactor"),
    OptimizerKind("Lion", "lion_pytorch", "Lion", "lion-pytorch"),
    OptimizerKind("Prodigy", "prodigyopt", "Prodigy", "prodigyopt", finds_rate=True),
    OptimizerKind("SGDNesterov", "torch.optim", "SGD", **_NESTEROV),  # type: ignore[arg-type]
    _eight_bit("SGDNesterov8bit", "SGD8bit", **_NESTEROV),
    _eight_bit("Lion8bit"),
    _eight_bit("PagedLion8bit"),
    _eight_bit("PagedAdamW"),
    _eight_bit("PagedAdamW8bit"),
    _eight_bit("PagedAdamW32bit"),
    _eight_bit("AdEMAMix8bit"),
    _eight_bit("PagedAdEMAMix8bit"),
    _adapting("DAdaptation", "DAdaptAdamPreprint", "dadaptation.experimental"),
    _adapting("DAdaptAdamPreprint", module="dadaptation.experimental"),
    _adapting("DAdaptAdaGrad"),
    _adapting("DAdaptAdam"),
    _adapting("DAdaptAdan"),
    _adapting("DAdaptAdanIP", module="dadaptation.experimental"),
    _adapting("DAdaptLion"),
    _adapting("DAdaptSGD"),
    _schedule_free("AdamWScheduleFree"),
    _schedule_free("RAdamScheduleFree"),
    _schedule_free("SGDScheduleFree"),
    *(_torch(name) for name in ("Adam", "NAdam", "RAdam", "Adamax", "Adagrad", "RMSprop", "SGD")),
)

_BY_NAME = {
    **{f"{kind.module}.{kind.cls}".lower(): kind for kind in reversed(OPTIMIZERS)},
    **{kind.name.lower(): kind for kind in OPTIMIZERS},
}


def optimizer_kind(name: str) -> OptimizerKind | None:
    """Return the optimizer of a name or class path in any case, or None; an empty name is AdamW."""
    return _BY_NAME.get((name or "AdamW").lower())


def is_installed(kind: OptimizerKind) -> bool:
    """Return whether the optimizer's library is there; nothing is imported."""
    return importlib.util.find_spec(kind.module.split(".")[0]) is not None


def check_installed(kind: OptimizerKind) -> None:
    """Refuse an optimizer whose library is not there; AdamW8bit passes, for AdamW stands in for it.

    Raises:
        InputError: naming the package and the command that installs it.
    """
    if not is_installed(kind) and kind.name != "AdamW8bit":
        raise InputError(
            f"needs the Python package {kind.package}, which is not installed",
            field="optimizer_type",
            value=kind.name,
            remedy=f"Install it (python -m pip install {kind.package}) or use another, such as AdamW.",
        )
