"""TOML text to flat keys and back, without knowing what the keys mean."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from ..errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def flatten(text: str, *, file: str | os.PathLike[str] | None) -> dict[str, Any]:
    """Return the keys of TOML `text` without their sections.

    Raises:
        InputError: not TOML, sections inside sections, or one key with two values.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"is not valid TOML ({error})",
            file=file,
            remedy="Mend that line: text stands in quotes, paths in single quotes.",
        ) from None
    flat: dict[str, Any] = {}
    for name, value in document.items():
        for key, inner in value.items() if isinstance(value, dict) else [(name, value)]:
            if isinstance(inner, dict) or (isinstance(inner, list) and inner and isinstance(inner[0], dict)):
                raise InputError(
                    "a section inside a section is not understood",
                    file=file,
                    field=f"{name}.{key}",
                    remedy="Put the keys directly into one section.",
                )
            if key in flat and flat[key] != inner:
                raise InputError(
                    f"is given twice, first as {flat[key]!r}",
                    file=file,
                    field=key,
                    value=inner,
                    remedy="Keep one of the two.",
                )
            flat[key] = inner
    return flat


def render(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Write sections of booleans, numbers, strings and lists of them as TOML text."""
    lines: list[str] = []
    for section, keys in sections.items():
        lines += [*([""] if lines else []), f"[{section}]"]
        lines += [f"{key} = {_value(value)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return _string(str(value))


def _string(text: str) -> str:
    """Quote text as a TOML basic string; every control character is escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() or c > "\x9f" else f"\\u{ord(c):04x}" for c in escaped) + '"'
