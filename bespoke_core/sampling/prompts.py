"""The prompts that are drawn while a run trains, from kohya's text, TOML and JSON forms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import InputError
from ..evaluation.seeds import parse_seeds
from ..files import read_text
from ..training.keys import TrainingConfig
from ..training.keys.judging import names_a_file
from .prompt_forms import FIELD, json_form, lines, refused, toml_form, unknown

STEPS = 20
GUIDANCE = 7.5
_MOST = 1000
_PNDM_STEPS = 4  # it starts from four answers of the network
_EMBEDDING = re.compile(r"(?:^|[\s(])embedding:")


@dataclass(frozen=True)
class SamplePrompt:
    """One picture to draw.

    Attributes:
        text: the prompt, weights and all.
        negative: the negative prompt.
        width, height: of the picture in pixels, multiples of 8.
        seed: of its noise, 0 to 2**64 - 1.
        steps: of the sampler.
        cfg: scale of classifier-free guidance; 1 is without.
        sampler: one of the key sample_sampler's choices.
    """

    text: str
    negative: str
    width: int
    height: int
    seed: int
    steps: int
    cfg: float
    sampler: str


Side = Annotated[int, Field(ge=64, le=4096, multiple_of=8)]


class _Given(BaseModel):
    """One prompt as it is written, in the names of kohya's TOML and JSON; None where nothing is said."""

    model_config = ConfigDict(extra="forbid", strict=True)

    prompt: str = ""
    negative_prompt: str = ""
    width: Side | None = None
    height: Side | None = None
    seed: Annotated[int, Field(ge=0, lt=2**64)] | None = None
    sample_steps: Annotated[int, Field(ge=1, le=1000)] = STEPS
    scale: Annotated[float, Field(ge=0, le=100)] = GUIDANCE
    sample_sampler: str | None = None


def read_sample_prompts(config: TrainingConfig) -> tuple[SamplePrompt, ...]:
    """Return the prompts of the key sample_prompts: those of the file that it names, or its own lines.

    What a prompt leaves open is: the training resolution, `STEPS`, `GUIDANCE`, the key sample_sampler, and as
    seed the run's seed plus the prompt's number from 0, so that every epoch draws with the same noise. kohya
    takes 512 pixels, 30 steps and a new seed each time. With the key sample_seeds a prompt without a seed is
    there once for each of those.

    Raises:
        InputError: the file is absent, empty or broken, an option is unknown, or a value is out of range; the
            message names the file and the line or number.
    """
    given = config.sample_prompts.strip()
    if not given:
        return ()
    file = Path(given) if names_a_file(given) else None
    remedy = "Give a .txt, .toml or .json file with prompts."
    text = read_text(file, remedy=remedy) if file else given
    suffix = file.suffix.lower() if file else ".txt"
    read = {".txt": lines, ".toml": toml_form, ".json": json_form}[suffix]
    seeds = parse_seeds(config.sample_seeds, field="sample_seeds") if config.sample_seeds.strip() else ()
    prompts = tuple(
        _prompt({**values, "seed": seed} if seed is not None else values, number, where, file, config)
        for number, (where, values) in enumerate(read(text, file))
        for seed in (seeds if seeds and values.get("seed") is None else (None,))
    )
    if not prompts:
        raise InputError("holds no prompt", file=file, field=FIELD, remedy="Write one prompt a line.")
    if len(prompts) > _MOST:
        raise InputError(
            f"holds {len(prompts)} prompts", file=file, field=FIELD, remedy=f"Use at most {_MOST}."
        )
    return prompts


def _prompt(
    values: Mapping[str, Any], number: int, where: str, file: Path | None, config: TrainingConfig
) -> SamplePrompt:
    try:
        given = _Given.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            raise unknown(name, name, where, file) from None
        message = first["msg"][0].lower() + first["msg"][1:]
        raise refused(f"{where}: {name}: {message}", first["input"], "Correct it.", file) from None
    if _EMBEDDING.search(given.prompt) or _EMBEDDING.search(given.negative_prompt):
        problem = f"{where}: names an embedding, and those are not loaded while training"
        raise refused(problem, given.prompt, "Leave it out.", file)
    if not given.prompt and not given.negative_prompt and len(values) == 1:
        raise refused(f"{where}: is empty", given.prompt, "Write a prompt.", file)
    prompt = SamplePrompt(
        given.prompt,
        given.negative_prompt,
        given.width or _side(config.size[0]),
        given.height or _side(config.size[1]),
        (config.seed + number) % 2**64 if given.seed is None else given.seed,
        given.sample_steps,
        given.scale,
        _sampler(given.sample_sampler, where, file, config),
    )
    if prompt.sampler == "pndm" and prompt.steps < _PNDM_STEPS:
        remedy = f"Use at least {_PNDM_STEPS} (--s {_PNDM_STEPS}), or another sampler."
        raise refused(f"{where}: has too few steps for the sampler pndm", prompt.steps, remedy, file)
    _check_sprite(prompt, where, file, config)
    return prompt


def _side(resolution: int) -> int:
    return max(64, resolution // 8 * 8)


def _sampler(name: str | None, where: str, file: Path | None, config: TrainingConfig) -> str:
    if name is None:
        return config.sample_sampler
    known = TrainingConfig.model_fields["sample_sampler"].annotation.__args__  # type: ignore[union-attr]
    if name not in known:
        raise refused(f"{where}: there is no such sampler", name, f"Use one of: {', '.join(known)}.", file)
    return name


def _check_sprite(prompt: SamplePrompt, where: str, file: Path | None, config: TrainingConfig) -> None:
    width, height = config.sprite_size
    if width > prompt.width or height > prompt.height:
        raise InputError(
            f"is larger than a drawn picture ({prompt.width} x {prompt.height}, {where} of the prompts)",
            file=file,
            field="sample_sprite_size",
            value=config.sample_sprite_size,
            remedy="Use a smaller sprite, or draw larger pictures (--w, --h).",
        )
