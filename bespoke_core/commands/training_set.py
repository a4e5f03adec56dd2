"""`--set KEY=VALUE`: keys of a training configuration on the command line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..errors import InputError


def read_set(texts: Collection[str]) -> dict[str, Any]:
    """Read each KEY=VALUE; the value is TOML, but text needs no quotes and True and False any letters.

    Raises:
        InputError: there is no "=" or no key before it.
    """
    return dict(_pair(text) for text in texts)


def _pair(text: str) -> tuple[str, Any]:
    from ..training.toml_form import parse

    key, sign, value = (part.strip() for part in text.partition("="))
    if not sign or not key:
        raise InputError(
            "is not KEY=VALUE",
            field="--set",
            value=text,
            remedy="Write it as network_dim=16, without blanks.",
        )
    if value.lower() in ("true", "false"):
        return key, value.lower() == "true"
    try:
        found = parse(f"value = {value}", file=None)
    except InputError:
        return key, value
    return key, found["value"] if len(found) == 1 else value


def at_home(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return keys of a configuration with the home folder in place of a "~" that a path begins with."""
    from ..paths import home
    from ..training.config import PATH_KEYS

    paths = {key: home(values[key]) for key in PATH_KEYS if isinstance(values.get(key), str)}
    return {**values, **paths}


@contextmanager
def set_here(keys: Collection[str]) -> Iterator[None]:
    """Name --set in place of a file where an error inside the block is about one of `keys`.

    Raises:
        InputError: in place of one that names the configuration's file.
    """
    try:
        yield
    except InputError as error:
        if error.field not in keys:
            raise
        value: dict[str, Any] = {"value": error.value} if error.has_value else {}
        raise InputError(error.problem, remedy=error.remedy, field=f"--set {error.field}", **value) from None
