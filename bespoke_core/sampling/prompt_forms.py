"""The forms that kohya's sample prompts are written in: lines with options, TOML, JSON."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FIELD = "sample_prompts"
_OPTIONS = {
    "n": "negative_prompt",
    "w": "width",
    "h": "height",
    "d": "seed",
    "s": "sample_steps",
    "l": "scale",
    "ss": "sample_sampler",
}
_OF_OTHER_MODELS = {
    "g": "guidance_scale",
    "cn": "controlnet_image",
    "ctr": "cfg_trunc_ratio",
    "rcfg": "renorm_cfg",
    "fs": "flow_shift",
}
_NAMES = ("prompt", *_OPTIONS.values())

Values = Iterator[tuple[str, dict[str, Any]]]
"""Where a prompt stands ("line 3") and what is said there, under the names of kohya's TOML and JSON."""


def lines(text: str, file: Path | None) -> Values:
    """Read a prompt a line; empty lines and those that begin with # are passed over."""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield f"line {number}", _of_line(stripped, f"line {number}", file)


def _of_line(line: str, where: str, file: Path | None) -> dict[str, Any]:
    """Split a line at its options: "a cat --n blurry --w 512"."""
    prompt, *options = (" " + line).split(" --")
    values: dict[str, Any] = {"prompt": prompt.strip()}
    for option in options:
        name, _, written = option.strip().partition(" ")
        field = _OPTIONS.get(name.lower())
        if field is None:
            raise unknown(f"--{name}", name.lower(), where, file)
        values[field] = _number(field, written.strip(), f"{where}, --{name}", file)
    return values


def _number(field: str, written: str, where: str, file: Path | None) -> Any:
    kind = {"negative_prompt": str, "sample_sampler": str, "scale": float}.get(field, int)
    try:
        if not written and kind is not str:
            raise ValueError
        return kind(written)
    except ValueError:
        needed = "a number" if kind is float else "a whole number"
        raise refused(f"{where}: needs {needed}", written, f"Write {needed} after it.", file) from None


def toml_form(text: str, file: Path | None) -> Values:
    """Read kohya's form: [prompt] for what all share, and a [[prompt.subset]] for each."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"is not TOML ({error})", file=file, remedy="Mend that line.") from None
    shared = document.get("prompt")
    subsets = shared.pop("subset", None) if isinstance(shared, dict) else None
    if not isinstance(shared, dict) or not isinstance(subsets, list) or len(document) > 1:
        raise InputError(
            "is not in the form of sample prompts",
            file=file,
            field=FIELD,
            remedy="Write [prompt] for what all share and one [[prompt.subset]] for each prompt.",
        )
    for number, subset in enumerate(subsets, 1):
        if not isinstance(subset, dict):
            raise refused(f"prompt {number} is not a table", subset, "Write [[prompt.subset]].", file)
        yield f"prompt {number}", {**shared, **subset}


def json_form(text: str, file: Path | None) -> Values:
    """Read kohya's form: a list of texts with options, or of objects."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InputError(f"is not JSON ({error})", file=file, remedy="Mend it.") from None
    if not isinstance(document, list):
        raise InputError("is not a list", file=file, field=FIELD, remedy='Write ["a prompt", ...].')
    for number, one in enumerate(document, 1):
        where = f"prompt {number}"
        if isinstance(one, str):
            yield where, _of_line(one, where, file)
        elif isinstance(one, dict):
            yield where, one
        else:
            raise refused(f"{where} is neither a text nor an object", one, "Write a text.", file)


def unknown(shown: str, name: str, where: str, file: Path | None) -> InputError:
    """Return the error for an option that there is not."""
    if name in _OF_OTHER_MODELS or name in _OF_OTHER_MODELS.values():
        remedy = "Remove it: it belongs to another kind of model."
    else:
        shorts, longs = list(_OPTIONS), list(_NAMES)
        near = [] if shown.startswith("--") else difflib.get_close_matches(name, longs, 1)
        known = ", ".join(f"--{short}" for short in shorts) if shown.startswith("--") else ", ".join(longs)
        remedy = f"Did you mean {near[0]}?" if near else f"Use {known}."
    return refused(f"{where}: there is no such option", shown, remedy, file)


def refused(problem: str, value: object, remedy: str, file: Path | None) -> InputError:
    """Return the error for a value among the prompts."""
    return InputError(problem, file=file, field=FIELD, value=value, remedy=remedy)
