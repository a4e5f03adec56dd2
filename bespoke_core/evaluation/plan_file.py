"""A sweep's plan as a TOML file, for the command line.

For example::

    name = "my_lora"
    base_checkpoint = "v1-5-pruned-emaonly-fp16.safetensors"
    run_folder = "loras/bespoke/my_lora"
    seeds = [1, 2, 3]

    [prompts]
    green = "pixel art portrait, bright green background"

    [sampler]
    steps = 30
    width = 512
    height = 512
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import InputError
from ..files import read_text
from .prompts import EIGHT_SCENES, TestPrompt, check_prompts

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SamplerTable(_Strict):
    """How the pictures are sampled; the names are KSampler's and LoraLoader's."""

    steps: int = Field(30, ge=1, le=1000, description="Sampling steps.")
    cfg: float = Field(7.5, ge=0, le=100, description="Guidance scale.")
    sampler_name: str = Field("euler", description="As KSampler lists it.")
    scheduler: str = Field("normal", description="As KSampler lists it.")
    width: int = Field(512, ge=16, le=4096, multiple_of=8, description="Of the pictures, in pixels.")
    height: int = Field(512, ge=16, le=4096, multiple_of=8, description="Of the pictures, in pixels.")
    negative_prompt: str = Field("", description="The same for every picture.")
    strength_model: float = Field(1.0, ge=-10, le=10, description="Of the LoRA on the UNet.")
    strength_clip: float = Field(1.0, ge=-10, le=10, description="Of the LoRA on the text encoder.")


class SpriteTable(_Strict):
    """How the pictures are shrunk before they are scored."""

    width: int = Field(24, ge=1, le=1024, description="Of the sprite, in pixels.")
    height: int = Field(24, ge=1, le=1024, description="Of the sprite, in pixels.")
    method: str = Field("nearest", description="As Downscale lists it.")


class PlanFile(_Strict):
    """A sweep that is run on a ComfyUI server. Paths are the server's, as its nodes take them."""

    name: str = Field(min_length=1, description="Names the sweep's folder on the server.")
    base_checkpoint: str = Field(min_length=1, description="As CheckpointLoaderSimple lists it.")
    run_folder: str = Field(min_length=1, description="Folder with the LoRA checkpoints.")
    pattern: str = Field("*", description="Which files of the run folder.")
    seeds: str | list[int] = Field("1-3", description="Numbers or ranges of seeds.")
    scenes: Literal["none", "eight scenes"] = Field("none", description="Add the built-in scenes.")
    with_base: bool = Field(True, description="Draw the base model as a control row.")
    training_set: str = Field("", description="Folder with the training set's pictures to compare with.")
    by: str = Field("unique_colors", description="The score that ranks.")
    prompts: dict[str, str] = Field(default_factory=dict, description="Name to text.")
    sampler: SamplerTable = SamplerTable()
    sprites: SpriteTable = SpriteTable()

    @property
    def seeds_text(self) -> str:
        """The seeds as the node takes them."""
        return self.seeds if isinstance(self.seeds, str) else ", ".join(str(seed) for seed in self.seeds)

    @property
    def test_prompts(self) -> tuple[TestPrompt, ...]:
        """The plan's own prompts and, where asked for, the built-in scenes."""
        own = tuple(TestPrompt(name, " ".join(text.split())) for name, text in self.prompts.items())
        return check_prompts((*own, *(EIGHT_SCENES if self.scenes == "eight scenes" else ())))


def read_plan_file(path: Path) -> PlanFile:
    """Read and check a plan.

    Raises:
        InputError: the file is absent, not TOML, or says something that cannot be; names the key and value.
    """
    text = read_text(path, remedy="Give the path of a TOML plan.")
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"is not valid TOML ({error})", file=path, remedy="Mend the line.") from None
    try:
        plan = PlanFile.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        known = ", ".join(PlanFile.model_fields)
        raise InputError(
            first["msg"], file=path, field=field, value=first["input"], remedy=f"The keys are: {known}."
        ) from None
    if not plan.test_prompts:
        raise InputError(
            "asks for nothing",
            file=path,
            field="prompts",
            remedy='Add a [prompts] table, or scenes = "eight scenes".',
        )
    return plan
