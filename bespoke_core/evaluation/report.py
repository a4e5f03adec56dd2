"""A sweep's report: one page that opens anywhere, and the same as Markdown, CSV, JSON and PNG."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import InputError
from ..files import check_report_folder, whole_folder, write_json, write_text
from .chart import chart_png
from .contact_sheet import ReportPicture, contact_sheet, enlarged
from .table import Row, labels, score_columns, write_csv
from .verdict_text import chosen_word, headline

if TYPE_CHECKING:
    from PIL.Image import Image

    from .verdict import Verdict

FILES = {
    "html": "report.html",
    "markdown": "report.md",
    "table": "table.csv",
    "verdict": "verdict.json",
    "chart": "chart.png",
    "contact_sheet": "contact_sheet.png",
}
_TEMPLATE = Path(__file__).with_name("report.html.jinja")
_SHOWN_SCORES = (
    *("unique_colors", "perceptual_colors", "background_match"),
    *("grid_fidelity", "excess_colors", "edge_distance"),
)
# Above this a page with every full-size picture would be too heavy to open; sprites are always in it.
_MAX_FULL_SIZE = 120
_THUMBNAIL = 256


def write_report(
    folder: Path,
    rows: Sequence[Row],
    verdict: Verdict,
    *,
    pictures: Sequence[ReportPicture],
    settings: Mapping[str, Any],
) -> dict[str, Path]:
    """Write the report whole or not at all.

    Args:
        folder: gets the files of `FILES`; an earlier report of ours there is replaced.
        rows: the table.
        verdict: on these rows.
        pictures: of the sweep, in any order; none is allowed.
        settings: what is needed to make the sweep again, JSON-able.

    Returns:
        The kind of each file to its path.

    Raises:
        InputError: the folder holds files that are not a report's, or a picture is broken.
        OSError: writing failed; an earlier report is still there.
    """
    check_report_folder(folder, FILES.values())
    _check_pictures(pictures)
    with whole_folder(folder) as building:
        _write_files(building, rows, verdict, pictures, settings)
    return {kind: folder / name for kind, name in FILES.items()}


def report_markdown(rows: Sequence[Row], verdict: Verdict, settings: Mapping[str, Any]) -> str:
    """Return the report as Markdown: the verdict, the ranking as a table, the settings."""
    lines = ["# Which checkpoint to use", "", f"**{_escaped(headline(verdict))}**", ""]
    lines += [f"- {_escaped(reason)}" for reason in verdict.reasons]
    lines += ["", "![score over the epochs](chart.png)", ""]
    lines += ["| checkpoint | epoch | mean | 95 % interval | pictures | follows the prompts |"]
    lines += ["|---|---|---|---|---|---|"]
    for place in _places(verdict):
        lines.append("| " + " | ".join(_escaped(place[key]) for key in _PLACE_KEYS) + " |")
    if verdict.not_measured:
        lines += ["", "Not measured:", "", *(f"- {_escaped(note)}" for note in verdict.not_measured)]
    lines += ["", "![every sprite](contact_sheet.png)", "", "## To make it again", "", "```json"]
    lines += [json.dumps(dict(settings), indent=1, ensure_ascii=False), "```", ""]
    lines += [f"{len(rows)} pictures; all scores are in table.csv. Written by Bespoke {__version__}.", ""]
    return "\n".join(lines)


def report_html(
    rows: Sequence[Row],
    verdict: Verdict,
    settings: Mapping[str, Any],
    *,
    chart: Image,
    pictures: Sequence[ReportPicture],
) -> str:
    """Return the report as one page that needs no other file and no network."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    columns = [name for name in _SHOWN_SCORES if name in score_columns(rows)]
    by_cell = {(p.row.checkpoint, p.row.prompt, p.row.seed): p for p in pictures}
    return template.render(
        headline=headline(verdict),
        reasons=verdict.reasons,
        places=_places(verdict),
        not_measured=verdict.not_measured,
        shape=verdict.shape,
        chart=_inline(chart),
        prompts=settings.get("prompts", {}),
        groups=_groups(pictures, verdict),
        best_word=chosen_word(verdict.winner) if verdict.winner else "",
        columns=columns,
        rows=[_table_row(row, columns, by_cell) for row in rows],
        settings=json.dumps(dict(settings), indent=1, ensure_ascii=False),
        version=__version__,
    )


_PLACE_KEYS = ("checkpoint", "epoch", "mean", "interval", "n", "follows")


def _places(verdict: Verdict) -> list[dict[str, Any]]:
    places = [*verdict.ranking, *([verdict.base] if verdict.base else [])]
    tied = set(verdict.tied_with_best)
    best_word = chosen_word(verdict.winner) if verdict.winner else ""
    shown = []
    for place in places:
        interval = place.interval
        mark = best_word if place.checkpoint == verdict.best else "tied" if place.checkpoint in tied else ""
        shown.append(
            {
                "checkpoint": place.checkpoint,
                "epoch": "" if place.epoch is None else place.epoch,
                "mean": f"{interval.mean:.1f}",
                "interval": f"{interval.low:.1f} to {interval.high:.1f}" if interval.n > 1 else "",
                "n": interval.n,
                "follows": {True: "yes", False: "no", None: "not measured"}[place.following.follows],
                "mark": "control" if place is verdict.base else mark,
            }
        )
    return shown


def _groups(pictures: Sequence[ReportPicture], verdict: Verdict) -> list[dict[str, Any]]:
    """Return the pictures checkpoint by checkpoint, the chosen one's row marked."""
    ordered = sorted(pictures, key=lambda p: (-1 if p.row.epoch is None else p.row.epoch, p.row.checkpoint))
    called = labels({p.row.checkpoint: p.row.epoch for p in ordered})
    full_size = len(ordered) <= _MAX_FULL_SIZE
    groups: dict[str, dict[str, Any]] = {}
    for picture in ordered:
        row = picture.row
        group = groups.setdefault(
            row.checkpoint,
            {
                "name": called[row.checkpoint],
                "best": row.checkpoint == verdict.best,
                "cells": [],
            },
        )
        group["cells"].append(
            {
                "prompt": row.prompt,
                "seed": row.seed,
                "sprite": _inline(enlarged(picture, 96)),
                "full": _inline(enlarged(ReportPicture(row, picture.path), _THUMBNAIL))
                if full_size
                else None,
                "score": row.scores.get(verdict.by),
                "match": row.scores.get("background_match"),
                "wanted": row.scores.get("background_color"),
            }
        )
    return list(groups.values())


def _table_row(row: Row, columns: Sequence[str], by_cell: Mapping[Any, ReportPicture]) -> dict[str, Any]:
    values = []
    for name in columns:
        value = row.scores.get(name)
        values.append(
            "not measured" if value is None else f"{value:.2f}" if isinstance(value, float) else value
        )
    return {
        "checkpoint": row.checkpoint,
        "epoch": "" if row.epoch is None else row.epoch,
        "prompt": row.prompt,
        "seed": row.seed,
        "values": values,
        "has_picture": (row.checkpoint, row.prompt, row.seed) in by_cell,
    }


def _write_files(
    folder: Path,
    rows: Sequence[Row],
    verdict: Verdict,
    pictures: Sequence[ReportPicture],
    settings: Mapping[str, Any],
) -> None:
    chart = chart_png(rows, verdict, verdict.by)
    chart.save(folder / FILES["chart"])
    contact_sheet(pictures, score=verdict.by).save(folder / FILES["contact_sheet"])
    write_csv(folder / FILES["table"], rows)
    write_json(folder / FILES["verdict"], {**verdict.to_dict(), "settings": dict(settings)})
    write_text(folder / FILES["markdown"], report_markdown(rows, verdict, settings))
    page = report_html(rows, verdict, settings, chart=chart, pictures=pictures)
    write_text(folder / FILES["html"], page)


def _check_pictures(pictures: Sequence[ReportPicture]) -> None:
    """Decode every picture once, so that a broken one is named before anything is written."""
    from PIL import Image as Images

    for picture in pictures:
        for path in filter(None, (picture.path, picture.sprite_path)):
            try:
                with Images.open(path) as opened:
                    opened.load()
            except (OSError, SyntaxError) as error:
                raise InputError(
                    f"is not a readable picture ({error})", file=path, remedy="Run the sweep again."
                ) from None


def _escaped(value: object) -> str:
    """Return text that Markdown shows as it is, on one line."""
    text = " ".join(str(value).split())
    for mark in "\\|*_`<[":
        text = text.replace(mark, f"\\{mark}")
    return text


def _inline(picture: Image) -> str:
    target = io.BytesIO()
    picture.save(target, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(target.getvalue()).decode("ascii")
