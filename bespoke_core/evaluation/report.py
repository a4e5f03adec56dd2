"""A sweep's report: one page that opens anywhere, and the same as Markdown, CSV, JSON and PNG."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..amounts import counted
from ..files import check_report_folder, clear_errors, whole_folder, write_json, write_text
from .chart import chart_png
from .contact_sheet import ReportPicture, contact_sheet
from .report_page import places_of, report_html
from .table import Row, write_csv
from .verdict_text import headline

if TYPE_CHECKING:
    from .verdict import Verdict

FILES = {
    "html": "report.html",
    "markdown": "report.md",
    "table": "table.csv",
    "verdict": "verdict.json",
    "chart": "chart.png",
    "contact_sheet": "contact_sheet.png",
}


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
        InputError: the folder holds files that are not a report's, a picture is broken, or the disk is full
            or cannot be written; an earlier report is still there.
    """
    check_report_folder(folder, FILES.values())
    with clear_errors(folder, "an earlier report there stays as it is"), whole_folder(folder) as building:
        _write_files(building, rows, verdict, pictures, settings)
    return {kind: folder / name for kind, name in FILES.items()}


_PLACE_KEYS = ("checkpoint", "epoch", "mean", "interval", "n", "follows", "why")


def report_markdown(rows: Sequence[Row], verdict: Verdict, settings: Mapping[str, Any]) -> str:
    """Return the report as Markdown: the verdict, the ranking as a table, the settings."""
    lines = ["# Which checkpoint to use", "", f"**{markdown_line(headline(verdict))}**", ""]
    lines += [f"- {markdown_line(reason)}" for reason in verdict.reasons]
    lines += ["", "![score over the epochs](chart.png)", ""]
    lines += [f"## {verdict.shape.phase.capitalize()} over the epochs", "", verdict.shape.advice, ""]
    lines += ["## Ranking", ""]
    lines += ["| checkpoint | epoch | mean | 95 % interval | pictures | follows the prompts | why |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for place in places_of(verdict):
        lines.append("| " + " | ".join(markdown_line(place[key]) for key in _PLACE_KEYS) + " |")
    if verdict.not_measured:
        lines += ["", "Not measured:", "", *(f"- {markdown_line(note)}" for note in verdict.not_measured)]
    lines += ["", "![every sprite](contact_sheet.png)", "", "## To make it again", "", "```json"]
    lines += [json.dumps(dict(settings), indent=1, ensure_ascii=False), "```", ""]
    lines += [
        f"{counted(len(rows), 'picture')}; all scores are in table.csv. Written by Bespoke {__version__}.",
        "",
    ]
    return "\n".join(lines)


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


def markdown_line(value: object) -> str:
    """Return text that Markdown shows as it is, on one line."""
    text = " ".join(str(value).split())
    for mark in "\\|*_`<[":
        text = text.replace(mark, f"\\{mark}")
    return text
