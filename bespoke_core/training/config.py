"""A training configuration read from TOML or from values, checked as a whole, and written again.

The keys themselves stand in `keys`.
"""

from __future__ import annotations

import os
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import InputError
from ..files import read_text
from ..paths import safe_name
from . import toml_form
from .keys import CHECKS, KEYS_WITHOUT_EFFECT_ON_WEIGHTS, PATH_KEYS, TrainingConfig, judging
from .keys.about import HIDDEN_KEYS
from .keys.fields import TRAINING
from .keys.translate import translate
from .options import Option, describe, refusal
from .path_keys import file_named

__all__ = [
    "KEYS_WITHOUT_EFFECT_ON_WEIGHTS",
    "PATH_KEYS",
    "Option",
    "TrainingConfig",
    "describe",
    "from_values",
    "read_toml",
    "to_toml",
    "with_absolute_paths",
    "with_values",
]


def from_values(values: Mapping[str, Any], *, file: str | os.PathLike[str] | None = None) -> TrainingConfig:
    """Make a configuration from flat keys; what is absent gets its default.

    Args:
        values: key to value; None stands for "not given" where a key allows it. Keys of kohya's that are
            none here are accepted, with a sentence in `notices`, or refused.
        file: the file that the values come from, for errors.

    Raises:
        InputError: an unknown key (the nearest known one is named), a wrong type, a value out of range, or
            keys that contradict each other.
    """
    known, said = translate(values, known=TrainingConfig.model_fields, file=file)
    before = known.get("notices", ())
    if said and isinstance(before, (list, tuple)):  # anything else is refused below
        known["notices"] = [*before, *said]
    try:
        config = TrainingConfig.model_validate(known)
    except ValidationError as error:
        raise refusal(error, file) from None
    config = _with_buckets_that_hold(config, known)
    with file_named(file):
        _check_together(config, file)
    return config


def _with_buckets_that_hold(config: TrainingConfig, given: Mapping[str, Any]) -> TrainingConfig:
    """Widen the default range of buckets to hold the resolution: a default is no wish of the user's."""
    kept = {
        "min_bucket_reso": min(config.min_bucket_reso, *config.size),
        "max_bucket_reso": max(config.max_bucket_reso, *config.size),
    }
    return config.model_copy(update={key: value for key, value in kept.items() if key not in given})


def with_values(config: TrainingConfig, **changes: Any) -> TrainingConfig:
    """Return `config` with some keys changed, checked as a whole again."""
    return from_values({**config.model_dump(), **changes})


def read_toml(source: str | os.PathLike[str]) -> TrainingConfig:
    """Read a configuration from a kohya TOML file, or from TOML text that holds a line end.

    Both forms work: keys in kohya's sections, and the short one with data keys in ``[dataset]``; as in
    kohya, the section that a key stands in does not matter.

    Raises:
        InputError: the file is absent or not TOML, or `from_values` refuses what it says.
    """
    if isinstance(source, str) and "\n" in source:
        return from_values(toml_form.flatten(source, file=None))
    path = Path(source)
    text = read_text(path, remedy="Give a TOML file with the training configuration.")
    return from_values(toml_form.flatten(text, file=path), file=path)


def to_toml(config: TrainingConfig) -> str:
    """Write every key into its section; `read_toml` gives the same configuration back."""
    sections: dict[str, dict[str, Any]] = {}
    for option in describe():
        value = getattr(config, option.name)
        if value is not None:
            sections.setdefault(option.section, {})[option.name] = value
    for name in HIDDEN_KEYS:
        if value := getattr(config, name):
            sections.setdefault(TRAINING, {})[name] = value
    return toml_form.render(sections)


def with_absolute_paths(config: TrainingConfig) -> TrainingConfig:
    """Return `config` with its relative paths made absolute from the working directory."""
    paths = {
        key: str(Path(value).absolute())
        for key in PATH_KEYS
        if (value := getattr(config, key)) and (key != "sample_prompts" or judging.names_a_file(value))
    }
    return config.model_copy(update=paths)


_LONGEST_NAME = 150  # bytes; epoch numbers and endings still have to fit into a file name


def _check_together(config: TrainingConfig, file: str | os.PathLike[str] | None) -> None:
    """Refuse keys that contradict each other."""

    def refuse(field: str, problem: str, remedy: str) -> typing.NoReturn:
        raise InputError(problem, file=file, field=field, value=getattr(config, field), remedy=remedy)

    safe_name(config.output_name, field="output_name")
    if len(config.output_name.encode("utf-8")) > _LONGEST_NAME:
        refuse("output_name", "is too long for a file name", f"Use at most {_LONGEST_NAME} letters.")
    if config.v2:
        refuse("v2", "Stable Diffusion 2 models are not supported", "Use an SD1.5 base and v2 = false.")
    if config.bucket_resolution and config.size != (config.bucket_resolution,) * 2:
        refuse("bucket_resolution", f"contradicts resolution = {config.resolution}", "Leave one of them out.")
    if config.network_train_unet_only and config.network_train_text_encoder_only:
        refuse(
            "network_train_unet_only",
            "contradicts network_train_text_encoder_only",
            "Set at most one of the two to true.",
        )
    if not config.trains_unet and not config.trains_text_encoder:
        refuse("learning_rate", "leaves nothing to train", "Give a learning rate above 0.")
    if config.enable_bucket:
        if config.min_bucket_reso > min(config.size):
            refuse(
                "min_bucket_reso",
                f"is above the resolution {config.resolution}",
                f"Use at most {min(config.size)}.",
            )
        if config.max_bucket_reso < max(config.size):
            refuse(
                "max_bucket_reso",
                f"is below the resolution {config.resolution}",
                f"Use at least {max(config.size)}.",
            )
    elif any(side % 8 for side in config.size):
        refuse("resolution", "has a side that 8 does not divide", "Use multiples of 8, best of 64.")
    for check in CHECKS:
        check(config, refuse)
