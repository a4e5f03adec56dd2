"""The pictures of a report's page: checkpoint by checkpoint, each small enough to travel inside the page."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..amounts import score_text
from .contact_sheet import ReportPicture, columns_of, fitted, varied_settings
from .table import BASE, labels

if TYPE_CHECKING:
    from PIL.Image import Image

    from .verdict import Verdict

# How large the pictures are in the page, by how many there are: it must stay light enough to be sent.
_EDGES = ((60, 320), (160, 256), (500, 192), (1500, 128), (4000, 96))
MOST_IN_STRIP = 8


def picture_groups(pictures: Sequence[ReportPicture], verdict: Verdict) -> list[dict[str, Any]]:
    """Return the pictures checkpoint by checkpoint, the chosen one first; `order` counts the epochs."""
    edge = next((edge for most, edge in _EDGES if len(pictures) <= most), 0)
    order = {place.checkpoint: index for index, place in enumerate(verdict.ranking)}
    names = dict.fromkeys(picture.row.checkpoint for picture in pictures)
    called = labels({picture.row.checkpoint: picture.row.epoch for picture in pictures})
    ranked = sorted(names, key=lambda name: (name == BASE, order.get(name, len(order)), name))
    groups = []
    varied = varied_settings([picture.row for picture in pictures])
    of_name: dict[str, list[ReportPicture]] = {}
    for picture in pictures:
        of_name.setdefault(picture.row.checkpoint, []).append(picture)
    by_epoch = sorted(names, key=lambda name: (name != BASE, _epoch(of_name[name]), name))
    for name in ranked:
        found = sorted(of_name[name], key=lambda p: (columns_of(p.row, varied), p.row.seed))
        interval = verdict.place(name).interval if name in order else None
        groups.append(
            {
                "name": "the base model without a LoRA" if name == BASE else called[name],
                "file": name,
                "order": by_epoch.index(name),
                "best": name == verdict.best,
                "mean": None if interval is None else score_text(interval.mean),
                "cells": [_cell(picture, verdict, varied, edge) for picture in found],
            }
        )
    return groups


def strip_of(groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one picture of the chosen checkpoint for each prompt, of its first seed."""
    cells: list[dict[str, Any]] = next((group["cells"] for group in groups if group["best"]), [])
    first: dict[str, dict[str, Any]] = {}
    for cell in cells:
        first.setdefault(cell["what"], cell)
    return list(first.values())[:MOST_IN_STRIP]


def _epoch(pictures: Sequence[ReportPicture]) -> float:
    epoch = pictures[0].row.epoch
    return math.inf if epoch is None else epoch


def _cell(picture: ReportPicture, verdict: Verdict, varied: Sequence[str], edge: int) -> dict[str, Any]:
    row = picture.row
    value = row.scores.get(verdict.by)
    full = edge and (picture.sprite_path is None or picture.sprite_path != picture.path)
    return {
        "what": columns_of(row, varied),
        "seed": row.seed,
        "sprite": _sprite(picture) if picture.sprite_path is not None or not full else None,
        "full": inline(fitted(picture.path, edge), "WEBP") if full else None,
        "score": "not measured"
        if value is None
        else score_text(value)
        if isinstance(value, float)
        else value,
        "matches": [
            (word, row.scores[name])
            for name, word in (("background_match", "background"), ("feature_match", "features"))
            if row.scores.get(name) in ("yes", "no", "unclear")
        ],
        "wanted": _color(row.scores.get("background_color")),
    }


def _color(value: object) -> str | None:
    """Return a colour code, or None for anything else: a table may come from strangers."""
    text = str(value)
    plain = len(text) == 7 and text[0] == "#" and all(c in "0123456789abcdefABCDEF" for c in text[1:])
    return text if plain else None


def _sprite(picture: ReportPicture) -> str:
    """Return the sprite pixel for pixel; the page enlarges it without blending."""
    return inline(fitted(picture.sprite_path or picture.path, 96))


def inline(picture: Image, kind: str = "PNG") -> str:
    """Return a picture as an address that holds it, so that a page needs no other file."""
    target = io.BytesIO()
    picture.save(target, format=kind, **({"optimize": True} if kind == "PNG" else {"quality": 82}))
    return f"data:image/{kind.lower()};base64," + base64.b64encode(target.getvalue()).decode("ascii")
