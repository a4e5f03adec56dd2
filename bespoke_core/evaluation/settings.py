"""How pictures are sampled: one setting of each kind, and the grid of all that a sweep compares."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from functools import cached_property
from itertools import product
from typing import Any, TypeVar

from ..errors import InputError

Value = TypeVar("Value")


@dataclass(frozen=True)
class SamplerSettings:
    """How a picture is sampled; the names are those of ComfyUI's KSampler and LoraLoader.

    Attributes:
        steps: sampling steps, from 1.
        cfg: guidance scale.
        sampler_name: as KSampler lists it.
        scheduler: as KSampler lists it.
        width: of the picture in pixels, a multiple of 8.
        height: of the picture in pixels, a multiple of 8.
        negative_prompt: may be empty.
        strength_model: of the LoRA on the UNet.
        strength_clip: of the LoRA on the text encoder.
    """

    steps: int = 30
    cfg: float = 7.5
    sampler_name: str = "euler"
    scheduler: str = "normal"
    width: int = 512
    height: int = 512
    negative_prompt: str = ""
    strength_model: float = 1.0
    strength_clip: float = 1.0

    def __post_init__(self) -> None:
        # 7 and 7.0 are one guidance, and must be one in a cell's key, too.
        for name in ("cfg", "strength_model", "strength_clip"):
            value = getattr(self, name)
            if isinstance(value, int) and not isinstance(value, bool):
                object.__setattr__(self, name, float(value))

    @cached_property
    def values(self) -> dict[str, Any]:
        """The settings by name, as they enter a cell's key."""
        return asdict(self)


@dataclass(frozen=True)
class SettingsGrid:
    """The values to compare, each with each. None takes the one value of the settings it is laid over.

    Attributes:
        strength: pairs (on the UNet, on the text encoder).
        cfg: guidance scales.
        negative_prompt: texts; an empty one is no negative prompt.
        sampler_name: as KSampler lists them.
        scheduler: as KSampler lists them.
        steps: sampling steps.
        size: pairs (width, height) in pixels, multiples of 8.
    """

    strength: tuple[tuple[float, float], ...] | None = None
    cfg: tuple[float, ...] | None = None
    negative_prompt: tuple[str, ...] | None = None
    sampler_name: tuple[str, ...] | None = None
    scheduler: tuple[str, ...] | None = None
    steps: tuple[int, ...] | None = None
    size: tuple[tuple[int, int], ...] | None = None

    def over(self, default: SamplerSettings) -> tuple[SamplerSettings, ...]:
        """Return every combination once; strengths change slowest, since each is a patch of its own."""
        axes = (
            self.strength or ((default.strength_model, default.strength_clip),),
            self.size or ((default.width, default.height),),
            self.steps or (default.steps,),
            self.sampler_name or (default.sampler_name,),
            self.scheduler or (default.scheduler,),
            self.cfg or (default.cfg,),
            self.negative_prompt or (default.negative_prompt,),
        )
        combined = (
            SamplerSettings(steps, cfg, sampler, scheduler, *size, negative, *strength)
            for strength, size, steps, sampler, scheduler, cfg, negative in product(*axes)
        )
        return tuple(dict.fromkeys(combined))

    @property
    def count(self) -> int:
        """Combinations, before doubles are dropped."""
        lengths = [len(getattr(self, one.name) or (0,)) for one in fields(self)]
        return _product(lengths)

    def describe(self) -> str:
        """Return a line for people: what is compared, and how many combinations that makes."""
        parts = [f"{one.name}: {len(values)}" for one in fields(self) if (values := getattr(self, one.name))]
        return (
            f"{self.count} combinations ({', '.join(parts)})"
            if parts
            else "nothing beyond Sweep's own values"
        )


NO_NEGATIVE = "(none)"
"""Stands for no negative prompt where an empty line cannot."""


def parse_grid(texts: Mapping[str, str], known: Mapping[str, Collection[str]] | None = None) -> SettingsGrid:
    """Read the grid from the texts of a node's widgets; an empty text is None.

    Args:
        texts: by the names of `SettingsGrid`. Numbers and names are separated by commas; strengths are
            numbers or pairs ``0.8/1.0`` (UNet/text encoder); sizes are ``512x512``; negative prompts stand
            one a line, ``(none)`` for none.
        known: the sampler and scheduler names that there are, by ``sampler_name`` and ``scheduler``; None
            allows any.

    Raises:
        InputError: naming the widget, the value and what would do.
    """
    readers: dict[str, Callable[[str], Any]] = {
        "strength": _strength,
        "cfg": lambda word: _number("cfg", word, 0, 100),
        "steps": lambda word: int(_number("steps", word, 1, 1000, whole=True)),
        "size": _size,
    }
    parsed: dict[str, Any] = {}
    for name, text in texts.items():
        if name == "negative_prompt":
            lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
            found: list[Any] = ["" if line == NO_NEGATIVE else line for line in lines]
        else:
            words = [word.strip() for word in re.split(r"[,;\n]", text) if word.strip()]
            found = [readers[name](word) for word in words] if name in readers else words
            _check_known(name, words, (known or {}).get(name))
        parsed[name] = tuple(dict.fromkeys(found)) or None
    return SettingsGrid(**parsed)


def grid_texts(grid: SettingsGrid) -> dict[str, str]:
    """Return a grid as the texts that `parse_grid` reads."""
    texts: dict[str, str] = {}
    for one in fields(grid):
        values = getattr(grid, one.name) or ()
        if one.name == "negative_prompt":
            texts[one.name] = "\n".join(text or NO_NEGATIVE for text in values)
        elif one.name == "strength":
            texts[one.name] = ", ".join(f"{model!r}/{clip!r}" for model, clip in values)
        elif one.name == "size":
            texts[one.name] = ", ".join(f"{width}x{height}" for width, height in values)
        else:
            texts[one.name] = ", ".join(str(value) for value in values)
    return texts


def _check_known(name: str, words: list[str], known: Collection[str] | None) -> None:
    for word in words:
        if known is not None and word not in known:
            near = get_close_matches(word, known, 1)
            hint = f"Did you mean {near[0]}?" if near else "KSampler lists what there is."
            raise InputError("is not one that KSampler knows", field=name, value=word, remedy=hint)


def _number(field: str, word: str, low: float, high: float, *, whole: bool = False) -> float:
    try:
        value = float(word)
    except ValueError:
        value = float("nan")
    if not low <= value <= high or (whole and not value.is_integer()):
        kind = "a whole number" if whole else "a number"
        raise InputError(
            f"is not {kind} from {low:g} to {high:g}",
            field=field,
            value=word,
            remedy="Separate several with commas.",
        )
    return value


def _strength(word: str) -> tuple[float, float]:
    model, _, clip = word.partition("/")
    first = _number("strength", model, -10, 10)
    return first, _number("strength", clip, -10, 10) if clip else first


def _size(word: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,4})\s*[x×]\s*(\d{1,4})", word)
    size = (int(found.group(1)), int(found.group(2))) if found else (0, 0)
    if any(side < 16 or side > 4096 or side % 8 for side in size):
        raise InputError(
            "is not a size with sides of 16 to 4096 pixels that 8 divides",
            field="size",
            value=word,
            remedy="Write width x height, such as 512x512, 768x768.",
        )
    return size


def parse_size(word: str) -> tuple[int, int]:
    """Return (width, height) of a text such as ``512x512``.

    Raises:
        InputError: not of that form, or a side that 8 does not divide.
    """
    return _size(word.strip())


def _product(lengths: list[int]) -> int:
    total = 1
    for length in lengths:
        total *= max(1, length)
    return total
