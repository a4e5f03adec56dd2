"""What the keys' classes are made with: their base, a field with help and unit, the TOML sections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MODEL = "model_arguments"
NETWORK = "network_arguments"
DATA = "dataset"
TRAINING = "training_arguments"

Refuse = Callable[[str, str, str], NoReturn]
"""Raises the error for a key that others contradict: refuse(key, problem, remedy)."""


class Keys(BaseModel):
    """Keys of a training configuration; frozen, and strict about types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)


def field(section: str, default: Any, help_text: str, unit: str = "", **limits: Any) -> Any:
    """Return a key's field.

    Args:
        section: of the TOML that `config.to_toml` writes.
        default: its value where none is given.
        help_text: one sentence for people; the node, the command line and the documentation show it.
        unit: "px", "steps", ... or empty.
        limits: pydantic's: ge, le, gt, lt, pattern, ...
    """
    return Field(
        default, description=help_text, json_schema_extra={"section": section, "unit": unit}, **limits
    )


def _texts(value: object) -> object:
    """Turn kohya's list of "key=value" texts, or one text with blanks between them, into a tuple.

    In one text each may stand in quotes, as on a command line; quotes around a value alone are part of it.
    """
    if isinstance(value, str):
        return tuple(word.strip("\"'") if word[0] == word[-1] else word for word in value.split())
    return tuple(value) if isinstance(value, list) else value


TextList = Annotated[tuple[str, ...], BeforeValidator(_texts)]
"""Several texts, such as ["weight_decay=0.1", "betas=0.9,0.99"]; TOML writes them as a list."""
