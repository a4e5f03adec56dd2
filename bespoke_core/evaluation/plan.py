"""A sweep's plan: the grid of checkpoint, setting, prompt and seed; a key for all that makes a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import InputError
from .cells import Cells, Line
from .checkpoints import Checkpoint
from .prompts import TestPrompt
from .settings import SamplerSettings

MOST_CELLS = 100_000
"""More pictures than this are a mistake in the plan."""


@dataclass(frozen=True)
class SweepPlan:
    """A full grid: every checkpoint times every setting, prompt and seed, with the controls.

    Attributes:
        checkpoints: the LoRAs, of one run or several; their names are unique.
        prompts: what is asked for.
        seeds: of the noise, fixed.
        base: content key of the base model, text encoder and autoencoder.
        settings: how pictures are sampled, each way once.
        with_base: draw the base model without any LoRA as a control.

    Raises:
        InputError: nothing to draw, two checkpoints of one name, or far too many pictures.
    """

    checkpoints: tuple[Checkpoint, ...]
    prompts: tuple[TestPrompt, ...]
    seeds: tuple[int, ...]
    base: str
    settings: tuple[SamplerSettings, ...] = (SamplerSettings(),)
    with_base: bool = True

    def __post_init__(self) -> None:
        if not self.prompts:
            raise InputError("there is no prompt", field="prompts", remedy="Give at least one test prompt.")
        if not self.seeds:
            raise InputError("there is no seed", field="seeds", remedy="Give at least one seed, such as 1.")
        if not self.settings:
            raise InputError("there is no setting", field="settings", remedy="Give at least one.")
        if not self.checkpoints and not self.with_base:
            raise InputError(
                "there is nothing to draw with", field="checkpoints", remedy="Give a checkpoint."
            )
        _refuse_doubles([checkpoint.name for checkpoint in self.checkpoints])
        if self.count > MOST_CELLS:
            raise InputError(
                f"asks for {self.count:,} pictures, {MOST_CELLS:,} are the most",
                field="plan",
                remedy="Take fewer seeds, prompts or settings.",
            )

    @property
    def count(self) -> int:
        """Pictures of the plan."""
        lines = len(self.checkpoints) * len(self.settings) + len(self.base_settings)
        return lines * len(self.prompts) * len(self.seeds)

    @cached_property
    def base_settings(self) -> tuple[SamplerSettings, ...]:
        """The control's settings: without a LoRA its strength makes no difference, so each is drawn once."""
        if not self.with_base:
            return ()
        return tuple(
            dict.fromkeys(replace(one, strength_model=1.0, strength_clip=1.0) for one in self.settings)
        )

    @cached_property
    def varied(self) -> tuple[str, ...]:
        """Names of the settings that have more than one value in this plan."""
        return tuple(
            name for name in self.settings[0].values if len({one.values[name] for one in self.settings}) > 1
        )

    @cached_property
    def cells(self) -> Cells:
        """Every cell once, checkpoint by checkpoint and strength by strength: each LoRA is patched once."""
        lines: list[Line] = [(None, one) for one in self.base_settings]
        lines += [(checkpoint, one) for checkpoint in self.checkpoints for one in self.settings]
        return Cells(lines, self.prompts, self.seeds, self.base)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able form that says what the sweep is."""
        return {
            "checkpoints": [c.to_dict() for c in self.checkpoints],
            "prompts": [asdict(p) for p in self.prompts],
            "seeds": list(self.seeds),
            "base": self.base,
            "settings": [dict(one.values) for one in self.settings],
            "with_base": self.with_base,
        }


def _refuse_doubles(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(
                "two checkpoints have this name",
                field="checkpoints",
                value=name,
                remedy="Give each run a label of its own; results are listed by name.",
            )
        seen.add(name)


def plan_from_dict(data: Mapping[str, Any]) -> SweepPlan:
    """Return the plan that `SweepPlan.to_dict` described; every value's type is checked.

    A plan of one setting as earlier versions wrote it, under ``sampler``, is understood.

    Raises:
        KeyError, TypeError, ValueError: the data is not of that form.
    """
    described = data["settings"] if "settings" in data else [data["sampler"]]
    return SweepPlan(
        checkpoints=tuple(
            Checkpoint(
                _typed(c["name"], str, "name"),
                _typed(c["epoch"], int, "epoch"),
                Path(_typed(c["path"], str, "path")),
                _typed(c["sha256"], str, "sha256"),
                _typed(c.get("run", ""), str, "run"),
            )
            for c in data["checkpoints"]
        ),
        prompts=tuple(
            TestPrompt(_typed(p["name"], str, "name"), _typed(p["text"], str, "text"))
            for p in data["prompts"]
        ),
        seeds=tuple(_typed(seed, int, "seed") for seed in data["seeds"]),
        base=_typed(data["base"], str, "base"),
        settings=tuple(settings_from_dict(one) for one in described),
        with_base=_typed(data["with_base"], bool, "with_base"),
    )


def settings_from_dict(data: Mapping[str, Any]) -> SamplerSettings:
    """Return settings from their values by name, each value's type checked; TypeError where one is not."""
    settings = SamplerSettings(**data)
    for name, value in settings.values.items():
        _typed(value, type(getattr(SamplerSettings(), name)), name)
    return settings


def _typed(value: Any, kind: type, name: str) -> Any:
    allowed = (int, float) if kind is float else kind
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{name} is {value!r}")
    return value
