"""A configuration's keys as people are shown them, and what they are told about a value that cannot be."""

from __future__ import annotations

import math
import os
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from ..amounts import plain
from ..errors import InputError
from .keys import TrainingConfig
from .keys.about import HIDDEN_KEYS

_KIND_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text in quotes"}


@dataclass(frozen=True)
class Option:
    """One key as the node, the command line and the documentation show it.

    Attributes:
        kind: the Python type of its values; `str` for choices of text.
        optional: None is a value of its own ("not given").
        choices: the allowed values, or empty.
        minimum, maximum: the range's ends, or None.
        unit: "px", "steps", ... or empty.
        section: the TOML section it is written to.
    """

    name: str
    kind: type
    optional: bool
    default: Any
    choices: tuple[Any, ...]
    minimum: float | None
    maximum: float | None
    unit: str
    section: str
    help: str

    @property
    def range_text(self) -> str:
        """The range in words, "1 to 10000000"; empty where there is none."""
        if self.minimum is None or self.maximum is None:
            return ""
        return f"{plain(self.minimum)} to {plain(self.maximum)}"


def describe() -> tuple[Option, ...]:
    """Return every key that can be set, in the order of the class, made from its fields."""
    return tuple(_option(name) for name in TrainingConfig.model_fields if name not in HIDDEN_KEYS)


def _option(name: str) -> Option:
    field = TrainingConfig.model_fields[name]
    kinds, optional = [field.annotation], False
    if isinstance(field.annotation, types.UnionType) or typing.get_origin(field.annotation) is typing.Union:
        kinds = [kind for kind in typing.get_args(field.annotation) if kind is not type(None)]
        optional = type(None) in typing.get_args(field.annotation)
    choices: tuple[Any, ...] = typing.get_args(kinds[0]) if typing.get_origin(kinds[0]) is Literal else ()
    bare = typing.get_origin(kinds[0]) or kinds[0]  # tuple[str, ...] is a tuple
    kind = type(choices[0]) if choices else typing.cast(type, float if float in kinds else bare)
    low = [
        v for m in field.metadata for v in (getattr(m, "ge", None), getattr(m, "gt", None)) if v is not None
    ]
    high = [
        v for m in field.metadata for v in (getattr(m, "le", None), getattr(m, "lt", None)) if v is not None
    ]
    extra = typing.cast("dict[str, str]", field.json_schema_extra)
    return Option(
        name,
        kind,
        optional,
        field.default,
        choices,
        low[0] if low else None,
        high[0] if high else None,
        extra["unit"],
        extra["section"],
        field.description or "",
    )


def refusal(error: ValidationError, file: str | os.PathLike[str] | None) -> InputError:
    """Return the error of the first value that cannot be: its key, what is wrong, and what to write."""
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else None
    message = first["msg"].removeprefix("Value error, ")
    if field is None:
        return InputError(message, file=file, remedy="Correct the configuration.")
    option = _option(field)
    value = first["input"]
    if first["type"] == "string_pattern_mismatch":
        message = "has letters that cannot stand there, or is not of the right form"
    if value == "" and option.default != "":
        default = str(option.default).lower() if option.kind is bool else option.default
        message, remedy = (
            "is empty",
            "Leave it out" + ("." if option.optional else f": its default is {default}."),
        )
    elif option.kind is int and isinstance(value, float) and value.is_integer():
        remedy = f"Write it without a point: {value:.0f}."
    elif isinstance(value, str) and option.kind in (int, float, bool) and _bare(value):
        bare = value.strip().lower()
        remedy = f"Write it without quotes: {int(float(bare)) if bare.isdecimal() else bare}."
    elif option.choices:
        remedy = "Use one of: " + ", ".join(str(choice) for choice in option.choices) + "."
    elif option.minimum is not None:
        remedy = f"Use a number from {option.range_text}"
        remedy += ", or leave it out." if option.optional else "."
    elif first["type"] in ("value_error", "string_pattern_mismatch"):  # which say what to write
        remedy = option.help
    else:
        remedy = f"Use {_KIND_NAMES.get(option.kind, 'another value')}. {option.help}"
    return InputError(
        message[0].lower() + message[1:], file=file, field=field, value=first["input"], remedy=remedy
    )


def _bare(text: str) -> bool:
    """Return whether text in quotes holds what should stand there without them."""
    try:
        return text.strip().lower() in ("true", "false") or math.isfinite(float(text))
    except ValueError:
        return False
