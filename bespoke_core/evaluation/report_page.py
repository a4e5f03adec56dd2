"""The report as one HTML page that opens anywhere: no other file, no network."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..amounts import plain, score_text, span_text
from .contact_sheet import ReportPicture, varied_settings
from .intervals import Interval
from .ranking import Ranked
from .report_pictures import inline, picture_groups, strip_of
from .table import SETTING_COLUMNS, Row, score_columns
from .verdict_text import chosen_word, direction, headline, score_name
from .why import why_not

if TYPE_CHECKING:
    from PIL.Image import Image

    from .verdict import Verdict

_HERE = Path(__file__).parent
_SHOWN_SCORES = (
    *("unique_colors", "perceptual_colors", "background_match", "feature_match", "color_bleed"),
    *("grid_fidelity", "excess_colors", "palette_distance", "edge_distance"),
)
# Settings of several values that are told in one line; prompts and hashes stand elsewhere in the page.
_SMALL = ("base_files", "sprites", "versions")
_PLAIN = (str, int, float)
_MOST_OPEN = 300
_MOST_PICTURES = 8000


def report_html(
    rows: Sequence[Row],
    verdict: Verdict,
    settings: Mapping[str, Any],
    *,
    chart: Image,
    pictures: Sequence[ReportPicture],
) -> str:
    """Return the page.

    Args:
        rows: the table.
        verdict: on these rows.
        settings: what is needed to make the sweep again, JSON-able.
        chart: of the score over the epochs.
        pictures: of the sweep; the more there are, the smaller they are shown, and of very many full-size
            ones are left out.
    """
    shown = pictures[:_MOST_PICTURES]
    numbers = [name for name in _numeric(rows, verdict.by) if name not in _SHOWN_SCORES]
    scores = [*numbers, *(name for name in _SHOWN_SCORES if name in score_columns(rows))]
    columns = [*varied_settings(rows), *dict.fromkeys([verdict.by, *scores])]
    groups = picture_groups(shown, verdict)
    table = [_table_row(row, columns) for row in rows]
    return rendered(
        "report.html.jinja",
        headline=headline(verdict),
        verdict=verdict,
        by=score_name(verdict.by),
        direction=direction(verdict),
        winner=verdict.winner,
        winner_hash=_hash(rows, verdict.best),
        best_word=chosen_word(verdict.winner) if verdict.winner else "",
        places=places_of(verdict),
        bounds=_bounds(verdict),
        chart=inline(chart),
        chart_text=_chart_text(verdict),
        prompts=settings.get("prompts") or {},
        name=settings.get("folder") or settings.get("name") or "",
        groups=groups,
        strip=strip_of(groups),
        several_prompts=len({cell["what"] for group in groups for cell in group["cells"]}) > 1,
        left_out=len(pictures) - len(shown),
        open_all=len(shown) <= _MOST_OPEN,
        columns=columns,
        rows=table,
        numeric=_numeric_columns(table),
        files=_files(rows),
        settings=_settings(settings),
        settings_json=json.dumps(dict(settings), indent=1, ensure_ascii=False),
        version=__version__,
    )


def rendered(template: str, **values: Any) -> str:
    """Return a page from one of the templates beside this module; every value is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


def places_of(verdict: Verdict) -> list[dict[str, Any]]:
    """Return the ranking for a table, the control last; every value is shown as it is."""
    tied = set(verdict.tied_with_best)
    best_word = chosen_word(verdict.winner) if verdict.winner else ""
    shown = []
    for place in (*verdict.ranking, *([verdict.base] if verdict.base else [])):
        interval = place.interval
        mark = best_word if place.checkpoint == verdict.best else "tied" if place.checkpoint in tied else ""
        shown.append(
            {
                "checkpoint": place.checkpoint,
                "epoch": "" if place.epoch is None else place.epoch,
                "mean": score_text(interval.mean),
                "interval": _span(interval),
                "n": interval.n,
                "follows": _follows(place),
                "mark": "control" if place is verdict.base else mark,
                "why": why_not(verdict, place),
                "place": place,
            }
        )
    return shown


def _span(interval: Interval) -> str:
    if interval.spreadless:
        return "no spread"
    return span_text(interval.low, interval.high) if interval.n > 1 else ""


def _follows(place: Ranked) -> str:
    following = place.following
    if following.follows is None:
        return "no clear answer" if following.asked_in_vain else "not measured"
    word = "yes" if following.follows else "no"
    answers = following.yes + following.no
    return f"{word} ({following.yes} of {answers})" if answers else word


def _bounds(verdict: Verdict) -> dict[str, float]:
    """Return where the bars of the ranking begin and how wide one per cent is."""
    places = [*verdict.ranking, *([verdict.base] if verdict.base else [])]
    ends = [end for p in places for end in (p.interval.low, p.interval.high, p.interval.mean) if end == end]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    return {"low": low, "step": (high - low) / 100 or 1.0}


def _chart_text(verdict: Verdict) -> str:
    told = "; ".join(f"{p.label} {score_text(p.interval.mean)}" for p in verdict.ranking[:40])
    return f"Mean of {score_name(verdict.by)} with 95 % intervals, best first: {told}."


def _table_row(row: Row, columns: Sequence[str]) -> list[Any]:
    values: list[Any] = [row.checkpoint, "" if row.epoch is None else row.epoch, row.prompt, row.seed]
    for name in columns:
        value = row.scores.get(name)
        known = value if name in SETTING_COLUMNS or not isinstance(value, float) else score_text(value)
        text = plain(known) if isinstance(known, float) else known
        values.append("" if value is None else text)
    return values


def _numeric_columns(table: Sequence[Sequence[Any]]) -> set[int]:
    """Return the columns that hold numbers and gaps only, which are set flush right."""
    width = len(table[0]) if table else 0
    return {at for at in range(width) if all(_is_number(line[at]) for line in table)}


def _is_number(text: object) -> bool:
    try:
        return not str(text) or math.isfinite(float(str(text))) or str(text) == "nan"
    except ValueError:
        return False


def _numeric(rows: Sequence[Row], by: str) -> list[str]:
    return [by] if any(row.number(by) is not None for row in rows) else []


def _hash(rows: Sequence[Row], name: str | None) -> str:
    found = (row.scores.get("checkpoint_sha256") for row in rows if row.checkpoint == name)
    return str(next((one for one in found if one), ""))


def _files(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return every checkpoint with the hash of its file, where the table knows it."""
    names = dict.fromkeys(row.checkpoint for row in rows)
    return [(name, found) for name in names if (found := _hash(rows, name))]


def _settings(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the plain settings for a table; what is large or nested deeper stands in the JSON below it."""
    plain = []
    for name, value in settings.items():
        if isinstance(value, dict) and name in _SMALL and all(isinstance(v, _PLAIN) for v in value.values()):
            told = ", ".join(f"{key} {one}" for key, one in value.items())
            plain.append((name.replace("_", " "), told))
        elif isinstance(value, list) and all(isinstance(one, _PLAIN) for one in value):
            plain.append((name.replace("_", " "), ", ".join(str(one) for one in value)))
        elif isinstance(value, _PLAIN):
            plain.append((name.replace("_", " "), str(value) or "none"))
    return plain
