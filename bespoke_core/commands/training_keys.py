"""`bespoke keys`."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..training.config import Option


def keys_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `keys`."""
    parser.add_argument("words", nargs="*", metavar="WORD", help="only keys that hold all of these words")


def keys(arguments: argparse.Namespace) -> int:
    """List the keys of a training configuration with their defaults, ranges and help."""
    from ..training.config import describe

    words = [word.lower() for word in arguments.words]
    found = [o for o in describe() if all(word in f"{o.name} {o.help}".lower() for word in words)]
    if arguments.json:
        print(json.dumps({"keys": [_key_as_json(option) for option in found]}, ensure_ascii=False))
        return 0 if found else 1
    section = ""
    for option in found:
        if option.section != section:
            section = option.section
            print(f"[{section}]")
        print(f"{option.name} = {_default(option)}{_range(option)}\n    {option.help}")
    print(f"{len(found)} keys")
    return 0 if found else 1


def _default(option: Option) -> str:
    if option.default is None:
        return "(not given)"
    if isinstance(option.default, bool):
        return str(option.default).lower()
    if isinstance(option.default, str):
        return json.dumps(option.default, ensure_ascii=False)
    return str(list(option.default)) if isinstance(option.default, tuple) else f"{option.default:g}"


def _range(option: Option) -> str:
    if option.choices:
        return "  one of: " + ", ".join(str(choice) for choice in option.choices)
    unit = f" {option.unit}" if option.unit else ""
    if option.minimum is None:
        return unit and f" {unit}"
    return f"  {option.minimum:g} to {option.maximum:g}{unit}"


def _key_as_json(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "type": option.kind.__name__,
        "default": option.default,
        "choices": list(option.choices),
        "minimum": option.minimum,
        "maximum": option.maximum,
        "unit": option.unit,
        "section": option.section,
        "help": option.help,
    }
