"""A kohya user's keys brought to Bespoke's: old names, keys without effect, keys that are refused."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from os import PathLike
from typing import Any

from ...errors import InputError
from .elsewhere import REFUSED, WITHOUT_EFFECT

_RENAMED = {"caption_extention": "caption_extension"}
_OLD_OPTIMIZERS = {"use_8bit_adam": "AdamW8bit", "use_lion_optimizer": "Lion"}
_File = str | PathLike[str] | None


def translate(
    values: Mapping[str, Any], *, known: Collection[str], file: _File = None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the values of known keys alone, and sentences about what became of the others.

    A key that is switched off (false, 0, empty) asks for nothing and is left out without a word.

    Args:
        values: any keys of a file.
        known: Bespoke's keys.
        file: that they come from, for errors.

    Raises:
        InputError: a key asks for something that is not supported, contradicts another, or is unknown; then
            the nearest known key is named.
    """
    found, notices = dict(values), []
    notices += _rename(found, file)
    notices += _old_optimizer(found, file)
    notices += _epoch(found)
    notices += _first_rate(found)
    silent: dict[str, list[str]] = {}
    for key in [key for key in found if key not in known]:
        value = found.pop(key)
        if key in REFUSED and _asks(value):
            refusal = REFUSED[key]
            shown = {} if refusal.secret else {"value": value}
            raise InputError(refusal.problem, file=file, field=key, remedy=refusal.remedy, **shown)
        if key not in REFUSED and key not in WITHOUT_EFFECT:
            remedy = nearest(key, known)
            raise InputError("there is no such key", file=file, field=key, value=value, remedy=remedy)
        if key in WITHOUT_EFFECT and _asks(value):
            silent.setdefault(WITHOUT_EFFECT[key], []).append(key)
    for why, keys in silent.items():
        notices.append(f"{', '.join(keys)} {'has' if len(keys) == 1 else 'have'} no effect: {why}.")
    return found, tuple(notices)


def nearest(key: str, known: Collection[str]) -> str:
    """Return a sentence that names the known key nearest to a misspelt one, kohya's others among them."""
    every = [*known, *WITHOUT_EFFECT, *REFUSED, *_RENAMED, *_OLD_OPTIMIZERS]
    near = difflib.get_close_matches(key, every, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else "Remove it, or look the keys up in the documentation."


def _asks(value: object) -> bool:
    """Return whether a value asks for something; -1 is "off" in the graphical front end."""
    return bool(value) and value != -1


def _rename(found: dict[str, Any], file: _File) -> list[str]:
    notices = []
    for old, new in _RENAMED.items():
        if old in found:
            value = found.pop(old)
            if not _asks(value):
                continue
            if found.get(new, value) != value:
                raise InputError(
                    f"contradicts {new} = {found[new]!r}",
                    file=file,
                    field=old,
                    value=value,
                    remedy=f"Keep {new} alone.",
                )
            found[new] = value
            notices.append(f"{old} is read as {new}.")
    return notices


def _old_optimizer(found: dict[str, Any], file: _File) -> list[str]:
    asked = [key for key in _OLD_OPTIMIZERS if _asks(found.pop(key, None))]
    if not asked:
        return []
    if len(asked) > 1 or found.get("optimizer_type"):
        raise InputError(
            f"contradicts {asked[1] if len(asked) > 1 else 'optimizer_type'}",
            file=file,
            field=asked[0],
            value=True,
            remedy="Keep optimizer_type alone.",
        )
    found["optimizer_type"] = _OLD_OPTIMIZERS[asked[0]]
    return [f"{asked[0]} is read as optimizer_type = {found['optimizer_type']}."]


def _epoch(found: dict[str, Any]) -> list[str]:
    """Let the front end's epoch count where nothing else says how long the run is."""
    if "epoch" not in found:
        return []
    value = found.pop("epoch")
    if not _asks(value):
        return []
    for key in ("max_train_epochs", "max_train_steps"):
        if found.get(key):
            return [f"epoch has no effect: {key} says how long the run is, as in kohya's trainer."]
    found["max_train_epochs"] = value
    return [f"epoch is read as max_train_epochs = {value}."]


def _first_rate(found: dict[str, Any]) -> list[str]:
    rates = found.get("text_encoder_lr")
    if isinstance(rates, (list, tuple)) and len(rates) > 1:
        return ["text_encoder_lr: the first rate is used; Stable Diffusion 1.5 has one text encoder."]
    return []
