"""Kohya's "key=value" texts read without running anything."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any


def split_arguments(texts: Iterable[str]) -> dict[str, str]:
    """Return the values of texts such as "conv_dim=4" by their keys, as they stand there.

    Raises:
        ValueError: a text is not of that form, or a key comes twice; the message is for people.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not key.isidentifier():
            raise ValueError(f'"{text}" is not of the form key=value')
        if key in found:
            raise ValueError(f"{key} is given twice")
        found[key] = value
    return found


def read_arguments(texts: Iterable[str]) -> dict[str, Any]:
    """Return the values of texts such as "weight_decay=0.1", "betas=0.9,0.99" or "relative_step=False".

    As in kohya a value is a Python literal: a number, True, False, None, a quoted text, or several with
    commas.

    Raises:
        ValueError: as `split_arguments`, or a value is no literal; the message is for people.
    """
    found: dict[str, Any] = {}
    for key, value in split_arguments(texts).items():
        try:
            found[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            hint = (
                f'{key}="{value}"' if value.isidentifier() else "a number, True, False or several with commas"
            )
            raise ValueError(f"{value} in {key}={value} is not a value; write {hint}") from None
    return found
