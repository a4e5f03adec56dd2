"""A sweep's plan: the grid of checkpoint, prompt and seed, each cell keyed by all that makes its picture."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import key_of
from .checkpoints import Checkpoint
from .prompts import TestPrompt
from .table import BASE


@dataclass(frozen=True)
class SamplerSettings:
    """How every picture of a sweep is sampled; the names are those of ComfyUI's KSampler.

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


@dataclass(frozen=True)
class Cell:
    """One picture of a sweep.

    Attributes:
        checkpoint: the LoRA, or None for the control row.
        prompt: what is asked for.
        seed: of the noise.
        sampler: how it is sampled.
        base: content key of the base model, text encoder and autoencoder.
    """

    checkpoint: Checkpoint | None
    prompt: TestPrompt
    seed: int
    sampler: SamplerSettings
    base: str

    @cached_property
    def key(self) -> str:
        """The content key: equal keys, equal pictures. Names of prompts and files do not enter it."""
        return key_of(
            {
                "checkpoint": self.checkpoint.sha256 if self.checkpoint else None,
                "prompt": self.prompt.text,
                "seed": self.seed,
                "sampler": asdict(self.sampler),
                "base": self.base,
            }
        )

    @property
    def checkpoint_name(self) -> str:
        """The checkpoint's name, ``base`` for the control row."""
        return self.checkpoint.name if self.checkpoint else BASE

    @property
    def epoch(self) -> int | None:
        """The checkpoint's epoch, None for the control row."""
        return self.checkpoint.epoch if self.checkpoint else None

    @property
    def file_stem(self) -> str:
        """A file name that says what the picture is: checkpoint, prompt, seed, first digits of the key."""
        checkpoint, prompt = _short(self.checkpoint_name, 80), _short(self.prompt.name, 60)
        return f"{checkpoint}_{prompt}_seed{self.seed}_{self.key[:10]}"

    def settings(self) -> dict[str, Any]:
        """Return all that is needed to make the picture again, JSON-able."""
        return {
            "checkpoint": self.checkpoint_name,
            "checkpoint_sha256": self.checkpoint.sha256 if self.checkpoint else None,
            "epoch": self.epoch,
            "prompt_name": self.prompt.name,
            "prompt": self.prompt.text,
            "seed": self.seed,
            "base": self.base,
            **asdict(self.sampler),
        }


@dataclass(frozen=True)
class SweepPlan:
    """A full grid: every checkpoint, and the base model as control, times every prompt times every seed."""

    checkpoints: tuple[Checkpoint, ...]
    prompts: tuple[TestPrompt, ...]
    seeds: tuple[int, ...]
    base: str
    sampler: SamplerSettings = field(default_factory=SamplerSettings)
    with_base: bool = True

    def __post_init__(self) -> None:
        if not self.prompts:
            raise InputError("there is no prompt", field="prompts", remedy="Give at least one test prompt.")
        if not self.seeds:
            raise InputError("there is no seed", field="seeds", remedy="Give at least one seed, such as 1.")
        if not self.checkpoints and not self.with_base:
            raise InputError(
                "there is nothing to draw with", field="checkpoints", remedy="Give a checkpoint."
            )

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell once, checkpoint by checkpoint so that each LoRA is patched once."""
        rows: list[Checkpoint | None] = [None] if self.with_base else []
        rows += self.checkpoints
        return tuple(
            Cell(checkpoint, prompt, seed, self.sampler, self.base)
            for checkpoint in rows
            for prompt in self.prompts
            for seed in self.seeds
        )

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able form that says what the sweep is, cell by cell."""
        return {
            "checkpoints": [c.to_dict() for c in self.checkpoints],
            "prompts": [asdict(p) for p in self.prompts],
            "seeds": list(self.seeds),
            "base": self.base,
            "sampler": asdict(self.sampler),
            "with_base": self.with_base,
        }


def plan_from_dict(data: Mapping[str, Any]) -> SweepPlan:
    """Return the plan that `SweepPlan.to_dict` described; every value's type is checked.

    Raises:
        KeyError, TypeError, ValueError: the data is not of that form.
    """
    sampler = SamplerSettings(**data["sampler"])
    for name, value in asdict(sampler).items():
        _typed(value, type(getattr(SamplerSettings(), name)), name)
    return SweepPlan(
        checkpoints=tuple(
            Checkpoint(
                _typed(c["name"], str, "name"),
                _typed(c["epoch"], int, "epoch"),
                Path(_typed(c["path"], str, "path")),
                _typed(c["sha256"], str, "sha256"),
            )
            for c in data["checkpoints"]
        ),
        prompts=tuple(
            TestPrompt(_typed(p["name"], str, "name"), _typed(p["text"], str, "text"))
            for p in data["prompts"]
        ),
        seeds=tuple(_typed(seed, int, "seed") for seed in data["seeds"]),
        base=_typed(data["base"], str, "base"),
        sampler=sampler,
        with_base=_typed(data["with_base"], bool, "with_base"),
    )


def _typed(value: Any, kind: type, name: str) -> Any:
    allowed = (int, float) if kind is float else kind
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{name} is {value!r}")
    return value


def _short(name: str, most: int) -> str:
    """Return a name for a file: letters, digits, dot and dash, at most `most` bytes of UTF-8."""
    plain = re.sub(r"[^\w.-]+", "-", name).lstrip(".")
    return plain.encode("utf-8")[:most].decode("utf-8", errors="ignore")


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read seeds such as ``1, 2, 3`` or ``1-5, 42``; doubles are dropped, the order is kept.

    Raises:
        InputError: not numbers, negative, over 64 bits, or more than 1000 of them.
    """
    seeds: dict[int, None] = {}
    for part in re.split(r"[,;\s]+", text.strip()):
        if not part:
            continue
        span = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if span is None:
            raise InputError(
                "is not a seed or a range of seeds",
                field="seeds",
                value=part,
                remedy="Write whole numbers, such as: 1, 2, 3 or 1-5.",
            )
        first, last = int(span.group(1)), int(span.group(2) or span.group(1))
        if last < first or last - first >= 1000 or last > 0xFFFF_FFFF_FFFF_FFFF:
            raise InputError(
                "is not a usable range of seeds",
                field="seeds",
                value=part,
                remedy="Give at most 1000 seeds from 0 to 2^64-1, the smaller first.",
            )
        seeds.update(dict.fromkeys(range(first, last + 1)))
    if not seeds:
        raise InputError("there is no seed", field="seeds", value=text, remedy="Write one, such as: 1.")
    return tuple(seeds)


@dataclass(frozen=True)
class Lineage:
    """How some inputs of a graph come to be.

    Attributes:
        key: content key of everything upstream; node ids do not enter it.
        constants: every text constant upstream, file names among them.
    """

    key: str
    constants: frozenset[str]


def lineage(prompt: Mapping[str, Any], links: Sequence[Any]) -> Lineage:
    """Return what an API graph says about how some inputs come to be.

    Args:
        prompt: the graph in ComfyUI's API form, node id to ``{"class_type", "inputs"}``.
        links: the inputs in question, each ``[node id, output index]`` or a constant.

    Used to tell two base models apart, whatever loaders and patches stand before the sweep. Each node is
    visited once.
    """
    keys: dict[str, str] = {}
    texts: set[str] = set()

    def describe_value(value: Any) -> Any:
        if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and value[0] in prompt:
            return [describe_node(value[0]), value[1]]
        if isinstance(value, str):
            texts.add(value)
        return value

    def describe_node(node_id: str) -> str:
        if node_id not in keys:
            node = prompt[node_id]
            inputs = {name: describe_value(value) for name, value in sorted(node["inputs"].items())}
            keys[node_id] = key_of([node["class_type"], inputs])
        return keys[node_id]

    return Lineage(key_of([describe_value(link) for link in links]), frozenset(texts))
