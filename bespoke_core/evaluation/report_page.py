"""The pages of a report: HTML with everything inside, and Markdown."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from .contact_sheet import ReportPicture, in_epoch_order, scaled, score_caption
from .following import FOLLOW_RULE
from .ranking import Ranked
from .table import Row, score_columns
from .verdict_text import follows_word, headline, score_name

if TYPE_CHECKING:
    from PIL.Image import Image

    from .verdict import Verdict

PAGE_PICTURES = 600
"""Pictures inlined at most; a page with more would be slow to open."""
_PAGE_SIDE = 256
_HIDDEN_COLUMNS = ("picture", "sprite", "picture_sha256", "checkpoint_sha256")


def html_page(
    rows: Sequence[Row],
    verdict: Verdict,
    chart: Image,
    pictures: Sequence[ReportPicture],
    settings: Mapping[str, Any],
) -> str:
    """Return one HTML page that needs no other file and no network.

    Args:
        rows: of the sweep.
        verdict: made from them.
        chart: drawn from them.
        pictures: at most `PAGE_PICTURES` of them are shown, full-size ones made smaller.
        settings: listed at the end.
    """
    from jinja2 import Environment, StrictUndefined

    template = Path(__file__).with_name("report.html.jinja").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    columns = [name for name in score_columns(rows) if name not in _HIDDEN_COLUMNS]
    prompts = list(dict.fromkeys(picture.row.prompt for picture in pictures))
    return environment.from_string(template).render(
        headline=headline(verdict),
        score=score_name(verdict.by),
        direction="fewer is better" if verdict.lower_is_better else "more is better",
        version=__version__,
        verdict=verdict,
        chart=_inlined(chart),
        ranking=_ranking(verdict),
        prompts=prompts,
        sheet=_sheet(pictures[:PAGE_PICTURES], prompts),
        left_out=max(0, len(pictures) - PAGE_PICTURES),
        columns=["checkpoint", "epoch", "prompt", "seed", *columns],
        rows=[
            [
                row.checkpoint,
                "" if row.epoch is None else row.epoch,
                row.prompt,
                row.seed,
                *(_shown(row.scores.get(column)) for column in columns),
            ]
            for row in rows
        ],
        rule=FOLLOW_RULE,
        settings=_flat(settings),
    )


def markdown_page(verdict: Verdict, settings: Mapping[str, Any]) -> str:
    """Return the verdict as Markdown, with the chart and the contact sheet beside it."""
    lines = [f"# {_escaped(headline(verdict))}", ""]
    lines += [f"- {_escaped(reason)}" for reason in verdict.reasons]
    lines += ["", "![Score over the epochs](chart.png)", ""]
    lines += [f"**Over the epochs: {verdict.shape.phase}.** {verdict.shape.advice}", "", "## Ranking", ""]
    lines += [
        "| checkpoint | epoch | mean | 95 % interval | pictures | follows prompts | |",
        "|---|---:|---:|---:|---:|---|---|",
    ]
    keys = ("checkpoint", "epoch", "mean", "interval", "n", "follows", "note")
    lines += ["| " + " | ".join(_escaped(line[key]) for key in keys) + " |" for line in _ranking(verdict)]
    if verdict.best_per_prompt:
        lines += ["", "## Best on each prompt", "", "| prompt | checkpoint |", "|---|---|"]
        lines += [
            f"| {_escaped(prompt)} | {_escaped(name or 'none follows it')} |"
            for prompt, name in verdict.best_per_prompt.items()
        ]
    lines += ["", "## Pictures", "", "![All pictures](contact_sheet.png)"]
    if verdict.not_measured:
        lines += ["", "## Not measured", "", *(f"- {_escaped(note)}" for note in verdict.not_measured)]
    if settings:
        lines += ["", "## Settings", ""]
        lines += [f"- {_escaped(name)}: {_escaped(value)}" for name, value in _flat(settings)]
    return "\n".join([*lines, "", f"{FOLLOW_RULE}", "", f"Made with Bespoke {__version__}.", ""])


def _ranking(verdict: Verdict) -> list[dict[str, str]]:
    tied = set(verdict.tied_with_best)
    lines = []
    for place in (*verdict.ranking, *([verdict.base] if verdict.base else [])):
        kind, note = "", ""
        if place is verdict.base:
            kind, note = "control", "control"
        elif place.checkpoint == verdict.best:
            kind, note = "best", "recommended" if place.following.follows is not False else "least bad"
        elif place.following.follows is False:
            kind, note = "refused", "does not follow the prompts"
        elif place.checkpoint in tied:
            note = "tied with the best"
        lines.append({**_figures(place), "kind": kind, "note": note})
    return lines


def _figures(place: Ranked) -> dict[str, str]:
    interval = place.interval
    return {
        "checkpoint": place.checkpoint,
        "epoch": "" if place.epoch is None else str(place.epoch),
        "mean": f"{interval.mean:.1f}",
        "interval": f"{interval.low:.1f} to {interval.high:.1f}" if interval.n > 1 else "one picture",
        "n": str(interval.n),
        "follows": follows_word(place),
    }


def _sheet(pictures: Sequence[ReportPicture], prompts: Sequence[str]) -> list[dict[str, Any]]:
    lines = []
    for name in in_epoch_order(pictures):
        mine = [picture for picture in pictures if picture.row.checkpoint == name]
        row = mine[0].row
        label = "base model" if row.is_base else name if row.epoch is None else f"epoch {row.epoch}"
        cells = [[_figure(p) for p in mine if p.row.prompt == prompt] for prompt in prompts]
        subtitle = "control, no LoRA" if row.is_base else "" if label == name else name
        lines.append({"label": label, "name": subtitle, "cells": cells})
    return lines


def _figure(picture: ReportPicture) -> dict[str, Any]:
    from PIL import Image as Images

    with Images.open(picture.path) as opened:
        size = scaled(opened.size, _PAGE_SIDE)
        full = opened.convert("RGB").resize(size, Images.Resampling.BOX)
    sprite = ""
    if picture.sprite_path is not None:
        with Images.open(picture.sprite_path) as opened:
            sprite = _inlined(opened.convert("RGB"))
    row = picture.row
    return {
        "full": _inlined(full),
        "sprite": sprite,
        "seed": row.seed,
        "caption": score_caption(row),
        "alt": f"{row.checkpoint}, {row.prompt}, seed {row.seed}",
        "wrong": row.scores.get("background_match") == "no",
    }


def _inlined(picture: Image) -> str:
    target = io.BytesIO()
    picture.save(target, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(target.getvalue()).decode("ascii")


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            lines += _flat(value, f"{prefix}{name}: ")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
            lines.append((f"{prefix}{name}", text))
    return lines


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _escaped(text: str) -> str:
    for mark in "\\|*_`<[":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
