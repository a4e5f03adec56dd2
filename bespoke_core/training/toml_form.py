"""TOML text, or JSON as kohya's front end saves it, to flat keys; and keys to TOML."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from ..errors import InputError
from .keys.front_end import unfold

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


SUFFIXES = (".toml", ".json")
"""Of the files that hold a configuration."""


def flatten(text: str, *, file: str | os.PathLike[str] | None) -> dict[str, Any]:
    """Return the keys of TOML or JSON without their sections; the front end's as the trainer's own.

    Raises:
        InputError: not TOML or JSON, sections inside sections, one key with two values, or settings of the
            front end for another kind of training.
    """
    flat: dict[str, Any] = {}
    document = parse(text, file=file)
    if isinstance(document.get("datasets"), list):
        raise InputError(
            "holds data sets, not a training configuration",
            file=file,
            field="datasets",
            remedy="Name this file in the key dataset_config of a training configuration.",
        )
    for name, value in document.items():
        for key, inner in value.items() if isinstance(value, dict) else [(name, value)]:
            if isinstance(inner, dict) or (isinstance(inner, list) and inner and isinstance(inner[0], dict)):
                raise InputError(
                    "a section inside a section is not understood",
                    file=file,
                    field=f"{name}.{key}",
                    remedy="Put the keys directly into one section.",
                )
            if inner is None:  # JSON's null: not given
                continue
            if key in flat and flat[key] != inner:
                raise InputError(
                    f"is given twice, first as {flat[key]!r}",
                    file=file,
                    field=key,
                    value=inner,
                    remedy="Keep one of the two.",
                )
            flat[key] = inner
    return unfold(flat, file=file)


def parse(text: str, *, file: str | os.PathLike[str] | None) -> dict[str, Any]:
    """Return a TOML document, or a JSON object, as it stands.

    Raises:
        InputError: it is neither, or a key is written twice in one place.
    """
    try:
        if text.lstrip().startswith("{"):  # no TOML begins so
            document: dict[str, Any] = json.loads(text, object_pairs_hook=partial(_object, file=file))
            return document
        return tomllib.loads(text)
    except RecursionError:
        raise InputError(
            "has too many brackets inside brackets", file=file, remedy="Write it as the documentation shows."
        ) from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"is not valid JSON ({error})", file=file, remedy="Save it again, or write TOML."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"is not valid TOML ({error})",
            file=file,
            remedy="Mend that line: text stands in quotes, paths in single quotes.",
        ) from None


def _object(pairs: list[tuple[str, Any]], *, file: str | os.PathLike[str] | None) -> dict[str, Any]:
    """Return a JSON object; unlike Python's own reader, refuse a key written twice as TOML does."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InputError(
                f"is given twice, first as {found[key]!r}",
                file=file,
                field=key,
                value=value,
                remedy="Keep one of the two.",
            )
        found[key] = value
    return found


def names_file(text: str) -> bool:
    """Return whether text is the path of a .toml or .json file rather than a document.

    A document of one line, `dataset_config = "set.toml"`, may end as a path does.
    """
    if "\n" in text.strip() or not unquoted(text).lower().endswith(SUFFIXES):
        return False
    try:
        parse(text, file=None)
    except InputError:
        return True
    return False


def unquoted(path: str) -> str:
    """Return a path without the quotes in which Windows copies it."""
    return path.strip().strip('"')


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
