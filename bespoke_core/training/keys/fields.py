"""What the keys' classes are made with: their base, a field with help and unit, the TOML sections."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

MODEL = "model_arguments"
NETWORK = "network_arguments"
DATA = "dataset"
TRAINING = "training_arguments"


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
