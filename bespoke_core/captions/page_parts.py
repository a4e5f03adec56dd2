"""What an audit's page shows beside the worst files: figures, charts, colours, tables."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any, NamedTuple

from ..amounts import counted
from ..errors import InputError
from .findings import SEVERITIES, Finding
from .lengths import BIN, LIMITS, TokenLengths
from .report import MEANINGS
from .statistics import NO_COLOUR, Statistics
from .thumbnail import thumbnail
from .worst_parts import kinds_of, marked, phrase_rows

if TYPE_CHECKING:
    from .audit import Audit
    from .tally import WorstFile

_EDGE = 192
_LONGEST = 160  # characters of a finding's words in the table
_ADVICE = 40  # pieces of advice that one file's card has
_WORDS = 12  # colour words of one feature
_CHART = (720, 190)  # width and height of the bars, in the chart's own units


class Bar(NamedTuple):
    """One bar of the chart of lengths: how many captions, and where it is drawn.

    Attributes:
        x, width: across.
        height, cleaned_height: of the bar before and after cleaning.
        title: for people who point at it.
        label, cleaned_label: what stands over the bars.
    """

    x: float
    width: float
    height: float
    cleaned_height: float
    title: str
    label: str
    cleaned_label: str


def headline(audit: Audit) -> str:
    """Return the answer in one sentence."""
    if not audit.captions and not audit.total:
        return "There are no captions here"
    if not audit.total:
        return f"Nothing to mend in {counted(audit.captions, 'caption')}"
    grave = [kind for kind, severity in SEVERITIES.items() if severity != "info"]
    worst = max(audit.files_with.get(kind, 0) for kind in grave)
    captions = counted(audit.captions, "caption")
    if not worst:
        return f"Nothing to mend in {captions}, but something to know"
    if worst > audit.captions:
        return f"{counted(audit.total, 'finding')} in {captions}"
    return f"{worst:,} of {captions} {'needs' if worst == 1 else 'need'} work"


def tiles(audit: Audit) -> list[tuple[str, str]]:
    """Return the key figures, each with what it counts."""
    found = audit.statistics
    shown = [(f"{audit.captions:,}", "captions")]
    if found.coverage is not None:
        shown.append((f"{found.coverage.pictures:,}", "pictures looked at"))
    shown.append((f"{audit.codes:,}", "colour codes"))
    shown.append((f"{audit.total:,}", "findings"))
    if found.tokens is not None:
        shown.append((f"{found.tokens.median:g}", "tokens, median"))
    return shown


def kinds_found(audit: Audit) -> list[dict[str, Any]]:
    """Return a row for each kind of finding that was looked for and found, the gravest first."""
    of_all = max(1, audit.captions)
    return [
        {
            "kind": kind,
            "severity": severity,
            "files": audit.files_with[kind],
            "share": min(1.0, audit.files_with[kind] / of_all),
            "places": audit.places.get(kind, 0),
            "meaning": MEANINGS[kind],
        }
        for kind, severity in sorted(SEVERITIES.items(), key=lambda one: _rank(audit, *one))
        if audit.files_with.get(kind)
    ]


def _rank(audit: Audit, kind: str, severity: str) -> tuple[int, int]:
    return ("error", "warning", "info").index(severity), -audit.files_with.get(kind, 0)


def card(worst: WorstFile) -> dict[str, Any]:
    """Return what the page shows of one of the worst files; the picture is inline."""
    return {
        "file": worst.file,
        "picture": _inline(worst),
        "total": worst.total,
        "kinds": kinds_of(worst),
        "rows": phrase_rows(worst),
        "runs": marked(worst),
        "advice": list(dict.fromkeys(one.advice for one in worst.findings))[:_ADVICE],
    }


def table_row(found: Finding) -> dict[str, str]:
    """Return a finding as the table shows it, its words cut short."""
    text = found.text if len(found.text) <= _LONGEST else found.text[: _LONGEST - 3] + "..."
    return {
        "file": found.file,
        "kind": found.finding,
        "severity": found.severity,
        "text": text,
        "advice": found.advice,
    }


def length_chart(tokens: TokenLengths | None, cleaned: TokenLengths | None) -> dict[str, Any] | None:
    """Return the geometry of the bar chart of lengths; None where lengths could not be told."""
    if tokens is None:
        return None
    width, height = _CHART
    windows = LIMITS[-1] // BIN
    last = max([windows, *(i + 1 for i, n in enumerate(tokens.bars) if n)])
    # After cleaning only some may be counted, so that shares are drawn and not numbers.
    after = (0,) * last if cleaned is None else cleaned.bars
    before_total, after_total = tokens.captions, 1 if cleaned is None else cleaned.captions
    top = max(*(n / before_total for n in tokens.bars), *(n / after_total for n in after))
    top *= 1.12  # room for the numbers over the bars
    step = width / last
    bars = []
    for place in range(last):
        low = place * BIN + 1 if place else 0
        many = "or more" if place == len(tokens.bars) - 1 else f"to {(place + 1) * BIN}"
        title = f"{low} {many} tokens: {tokens.bars[place]:,} as they are"
        if cleaned is not None:
            title += f", {after[place]:,} after cleaning"
        bars.append(
            Bar(
                x=place * step,
                width=step,
                height=height * tokens.bars[place] / before_total / top,
                cleaned_height=height * after[place] / after_total / top,
                title=title,
                label=f"{tokens.bars[place]:,}" if tokens.bars[place] else "",
                cleaned_label=f"{after[place]:,}" if after[place] else "",
            )
        )
    lines = [(limit / BIN * step, limit, number) for number, limit in enumerate(LIMITS, start=1)]
    return {"width": width, "height": height, "bars": bars, "lines": lines, "cleaned": cleaned is not None}


def colour_words(statistics: Statistics) -> list[dict[str, Any]]:
    """Return a row for each feature: with which colour words captions name it, and how often without."""
    typical: dict[str, str] = {}
    if statistics.colour_words:
        from .coverage import all_names

        typical = all_names()
    rows = []
    for feature, words in statistics.colour_words.items():
        named = [(word, count, typical.get(word, "")) for word, count in words.items() if word != NO_COLOUR]
        rows.append(
            {
                "feature": feature,
                "none": words.get(NO_COLOUR, 0),
                "words": named[:_WORDS],
                "more": max(0, len(named) - _WORDS),
            }
        )
    return rows


def _inline(worst: WorstFile) -> str:
    """Return the picture as a data URI; nothing where there is none or it is broken, which is a finding."""
    if worst.image_path is None:
        return ""
    try:
        picture = thumbnail(worst.image_path, _EDGE)
    except InputError:
        return ""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
