"""`bespoke keys`."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from ..amounts import counted, plain

if TYPE_CHECKING:
    from ..training.config import Option


def keys_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `keys`."""
    parser.add_argument("words", nargs="*", metavar="WORD", help="only keys that hold all of these words")


def keys(arguments: argparse.Namespace) -> int:
    """List the keys of a training configuration with their defaults, ranges and help, and kohya's others."""
    from ..training.config import describe
    from ..training.keys.elsewhere import REFUSED, WITHOUT_EFFECT

    words = [word.lower() for word in arguments.words]
    found = [o for o in describe() if all(word in f"{o.name} {o.help}".lower() for word in words)]
    idle = {
        key: why for key, why in WITHOUT_EFFECT.items() if all(w in f"{key} {why}".lower() for w in words)
    }
    refused = {key: f"{no.problem}. {no.remedy}" for key, no in REFUSED.items()}
    refused = {key: why for key, why in refused.items() if all(w in f"{key} {why}".lower() for w in words)}
    some = bool(found or idle or refused)
    if arguments.json:
        told = {"keys": [_key_as_json(o) for o in found], "without_effect": idle, "refused": refused}
        print(json.dumps(told, ensure_ascii=False))
        return 0 if some else 1
    section = ""
    for option in found:
        if option.section != section:
            section = option.section
            print(f"[{section}]")
        print(f"{option.name} = {default_text(option)}{_range(option)}\n    {option.help}")
    for title, others in (("accepted without effect", idle), ("refused", refused)):
        if others:
            print(f"\nkohya's keys that are {title}:")
            print("\n".join(f"{key}: {why}" for key, why in others.items()))
    print(f"\n{counted(len(found), 'key')}, {len(idle)} without effect, {len(refused)} refused")
    return 0 if some else 1


def default_text(option: Option) -> str:
    """Return a key's default as TOML writes it, or "(not given)"."""
    if option.default is None:
        return "(not given)"
    if isinstance(option.default, bool):
        return str(option.default).lower()
    if isinstance(option.default, str):
        return json.dumps(option.default, ensure_ascii=False)
    return str(list(option.default)) if isinstance(option.default, tuple) else plain(option.default)


def _range(option: Option) -> str:
    if option.choices:
        return "  one of: " + ", ".join(str(choice) for choice in option.choices)
    unit = f" {option.unit}" if option.unit else ""
    if option.minimum is None:
        return unit and f" {unit}"
    return f"  {option.range_text}{unit}"


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
