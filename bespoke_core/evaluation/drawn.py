"""How the pictures of a sweep were drawn, whichever way its folder tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from .plan_file import plan_from_dump
from .settings import SamplerSettings

NAMES = tuple(SamplerSettings().values)
"""The settings of a picture, as KSampler and LoraLoader name them."""


@dataclass(frozen=True)
class Drawn:
    """How the pictures of a sweep were drawn.

    Attributes:
        values: a setting's name to the values that were drawn; a setting that is not known is absent.
        prompts: a prompt's name to its text.
        base_files: the base model's file names, each with its SHA-256 or an empty text.
        sprites: ``width``, ``height`` and ``method``, as far as they are known.
        versions: of the programs.
    """

    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    base_files: Mapping[str, str] = field(default_factory=dict)
    sprites: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def sprite_name(self) -> str:
        """How a sprite is called, by its width where it is square."""
        width, height = (self.sprites.get(name) for name in ("width", "height"))
        return "sprite" if not width else f"{width} px" if width == height else f"{width}x{height} px"


def drawn_of(settings: Mapping[str, Any]) -> Drawn:
    """Read the settings of a folder of results.

    Args:
        settings: as `opening.read_settings` returns them: of a sweep, of a plan that was run, or none.
    """
    if isinstance(settings.get("sampler"), Mapping):
        return _of_plan(settings)
    values = {name: _several(settings[name]) for name in NAMES if name in settings}
    return Drawn(
        values,
        _texts(settings.get("prompts")),
        _texts(settings.get("base_files")),
        _table(settings.get("sprites")),
        _texts(settings.get("versions")),
    )


def _of_plan(settings: Mapping[str, Any]) -> Drawn:
    try:
        plan = plan_from_dump(settings)
    except ValidationError:  # of another version: its table still tells what was varied
        return Drawn(prompts=_texts(settings.get("prompts")))
    drawn = plan.sampler.grid().over(SamplerSettings())
    return Drawn(
        {name: tuple(dict.fromkeys(one.values[name] for one in drawn)) for name in NAMES},
        {prompt.name: prompt.text for prompt in plan.test_prompts},
        {plan.base_checkpoint: ""},
        plan.sprites.model_dump(),
    )


def _several(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _table(value: Any) -> Mapping[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _texts(value: Any) -> dict[str, str]:
    return {str(name): str(text) for name, text in _table(value).items()}
