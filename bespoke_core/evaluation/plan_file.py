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
    cfg = [7.0, 7.5, 8.0]
    negative_prompt = ["", "blurry, smooth, photo"]

Every key of ``[sampler]`` takes one value or a list; the sweep draws each with each. Several training runs
are compared with ``[[runs]]`` tables of ``label``, ``folder`` and ``pattern`` in place of ``run_folder``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ..errors import InputError
from ..files import read_text
from .prompts import EIGHT_SCENES, TestPrompt, check_prompts
from .runs import Run, check_runs
from .seeds import parse_seeds
from .settings import SettingsGrid, parse_size

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


_OF_TRAINING_SET = ("palette_distance", "edge_distance")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _as_tuple(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else (value,)


def _one_or_more(default: Any, description: str) -> Any:
    return Field((default,), min_length=1, description=f"{description} One value, or a list to compare.")


_Many = BeforeValidator(_as_tuple)
_Steps = Annotated[int, Field(ge=1, le=1000)]
_Cfg = Annotated[float, Field(ge=0, le=100)]
_Strength = Annotated[float, Field(ge=-10, le=10)]
_Side = Annotated[int, Field(ge=16, le=4096, multiple_of=8)]


class SamplerTable(_Strict):
    """How the pictures are sampled; the names are KSampler's and LoraLoader's. Each may be a list."""

    steps: Annotated[tuple[_Steps, ...], _Many] = _one_or_more(30, "Sampling steps.")
    cfg: Annotated[tuple[_Cfg, ...], _Many] = _one_or_more(7.5, "Guidance scale.")
    sampler_name: Annotated[tuple[str, ...], _Many] = _one_or_more("euler", "As KSampler lists it.")
    scheduler: Annotated[tuple[str, ...], _Many] = _one_or_more("normal", "As KSampler lists it.")
    width: _Side = Field(512, description="Of the pictures, in pixels.")
    height: _Side = Field(512, description="Of the pictures, in pixels.")
    size: Annotated[tuple[str, ...], _Many] = Field(
        (), description='Instead of width and height: sizes to compare, such as ["512x512", "768x768"].'
    )
    negative_prompt: Annotated[tuple[str, ...], _Many] = _one_or_more("", "An empty one is none.")
    strength: Annotated[tuple[_Strength, ...], _Many] = Field(
        (), description="Of the LoRA, on UNet and text encoder alike: one value, or a list to compare."
    )
    strength_model: Annotated[tuple[_Strength, ...], _Many] = _one_or_more(1.0, "Of the LoRA on the UNet.")
    strength_clip: Annotated[tuple[_Strength, ...], _Many] = _one_or_more(1.0, "On the text encoder.")

    @model_validator(mode="after")
    def _once_each(self) -> SamplerTable:
        given = self.model_fields_set
        if "size" in given and given & {"width", "height"}:
            raise ValueError("give either size, or width and height")
        if "strength" in given and given & {"strength_model", "strength_clip"}:
            raise ValueError("give either strength, or strength_model and strength_clip")
        self.grid()  # refuses a size that is none
        return self

    def grid(self) -> SettingsGrid:
        """Return every value of every kind."""
        equal = tuple((value, value) for value in self.strength)
        return SettingsGrid(
            strength=equal or tuple(product(self.strength_model, self.strength_clip)),
            cfg=self.cfg,
            negative_prompt=tuple(" ".join(text.split()) for text in self.negative_prompt),
            sampler_name=self.sampler_name,
            scheduler=self.scheduler,
            steps=self.steps,
            size=tuple(parse_size(word) for word in self.size) or ((self.width, self.height),),
        )


class RunTable(_Strict):
    """One of several training runs to compare."""

    label: str = Field(min_length=1, description="Names the run in tables.")
    folder: str = Field(min_length=1, description="Folder with its LoRA checkpoints.")
    pattern: str = Field("*", description="Which files of the folder.")


class SpriteTable(_Strict):
    """How the pictures are shrunk before they are scored."""

    width: int = Field(24, ge=1, le=1024, description="Of the sprite, in pixels.")
    height: int = Field(24, ge=1, le=1024, description="Of the sprite, in pixels.")
    method: str = Field("nearest", description="As Downscale lists it.")


class PlanFile(_Strict):
    """A sweep that is run on a ComfyUI server. Paths are the server's, as its nodes take them."""

    name: str = Field(min_length=1, description="Names the sweep's folder on the server.")
    base_checkpoint: str = Field(min_length=1, description="As CheckpointLoaderSimple lists it.")
    run_folder: str = Field("", description="Folder with the LoRA checkpoints.")
    pattern: str = Field("*", description="Which files of the run folder.")
    runs: tuple[RunTable, ...] = Field((), description="Instead of run_folder: several runs to compare.")
    seeds: str | list[int] = Field("1-3", description="Numbers or ranges of seeds.")
    scenes: Literal["none", "eight scenes"] = Field("none", description="Add the built-in scenes.")
    with_base: bool = Field(True, description="Draw the base model as a control row.")
    training_set: str = Field("", description="Folder with the training set's pictures to compare with.")
    with_vae_floor: bool = Field(True, description="Measure what the VAE alone makes of the training set.")
    by: str = Field("unique_colors", description="The score that ranks.")
    prompts: dict[str, str] = Field(default_factory=dict, description="Name to text.")
    sampler: SamplerTable = SamplerTable()
    sprites: SpriteTable = SpriteTable()

    @model_validator(mode="after")
    def _one_way(self) -> PlanFile:
        if bool(self.run_folder) == bool(self.runs):
            raise ValueError("give either run_folder, or [[runs]] with label and folder")
        check_runs(self.labelled_runs)
        parse_seeds(self.seeds_text)
        return self

    @property
    def labelled_runs(self) -> tuple[Run, ...]:
        """The runs to compare; empty where there is one folder."""
        return tuple(Run(run.label, run.folder, run.pattern) for run in self.runs)

    @property
    def seeds_text(self) -> str:
        """The seeds as the node takes them."""
        return self.seeds if isinstance(self.seeds, str) else ", ".join(str(seed) for seed in self.seeds)

    @property
    def test_prompts(self) -> tuple[TestPrompt, ...]:
        """The plan's own prompts and, where asked for, the built-in scenes."""
        own = tuple(TestPrompt(name, " ".join(text.split())) for name, text in self.prompts.items())
        return (*own, *(EIGHT_SCENES if self.scenes == "eight scenes" else ()))


def plan_from_dump(data: Mapping[str, Any]) -> PlanFile:
    """Return the plan that `PlanFile.model_dump` described, where every key stands, those not given too.

    Raises:
        pydantic.ValidationError: the data is not of that form.
    """
    sampler = dict(data.get("sampler") or {})
    for one, others in (("size", ("width", "height")), ("strength", ("strength_model", "strength_clip"))):
        for name in others if sampler.get(one) else (one,):
            sampler.pop(name, None)
    return PlanFile.model_validate({**data, "sampler": sampler})


def read_plan_file(path: Path, *, run_folder: str = "") -> PlanFile:
    """Read and check a plan.

    Args:
        path: of the TOML file.
        run_folder: taken where the plan names neither a run folder nor runs.

    Raises:
        InputError: the file is absent, not TOML, or says something that cannot be; names the key and value.
    """
    text = read_text(path, remedy="Give the path of a TOML plan.")
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"is not valid TOML ({error})", file=path, remedy="Mend the line.") from None
    if run_folder and not table.get("runs"):
        table = {"run_folder": run_folder, **table}
    try:
        plan = PlanFile.model_validate(table)
    except ValidationError as error:
        raise _explained(error, path) from None
    if not check_prompts(plan.test_prompts, file=path):
        raise InputError(
            "asks for nothing",
            file=path,
            field="prompts",
            remedy='Add a [prompts] table, or scenes = "eight scenes".',
        )
    if plan.by in _OF_TRAINING_SET and not plan.training_set:
        raise InputError(
            "is measured against a training set, and there is none",
            file=path,
            field="by",
            value=plan.by,
            remedy="Set training_set, or choose another score.",
        )
    return plan


def _explained(error: ValidationError, path: Path) -> InputError:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    tables: dict[str, type[BaseModel]] = {"sampler": SamplerTable, "sprites": SpriteTable, "runs": RunTable}
    table = tables.get(field.split(".")[0], PlanFile)
    remedy = f"The keys are: {', '.join(table.model_fields)}."
    message = first["msg"].removeprefix("Value error, ")
    if isinstance(first["input"], dict):  # a fault of a table as a whole
        return InputError(message, file=path, field=field or None, remedy=remedy)
    return InputError(message, file=path, field=field, value=first["input"], remedy=remedy)
