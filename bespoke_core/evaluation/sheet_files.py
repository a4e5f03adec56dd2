"""The inference sheet as files: a page that opens anywhere, Markdown, JSON and a picture to send."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import __version__
from ..amounts import score_text, span_text
from ..files import check_report_folder, clear_errors, whole_folder, write_json, write_text
from .choice import Choice, Tried
from .contact_sheet import ReportPicture, fitted
from .report import markdown_line
from .report_page import rendered
from .report_pictures import inline
from .sheet import Sheet
from .sheet_picture import draw_sheet
from .sheet_words import about, example_lines, recipe, result_line, words
from .verdict import HIGHER_IS_BETTER
from .verdict_text import better_way, score_name

FILES = {
    "html": "sheet.html",
    "markdown": "sheet.md",
    "data": "sheet.json",
    "picture": "sheet.png",
}
_EDGE = 512
_SPRITE = 96


def write_sheet(folder: Path, sheet: Sheet) -> dict[str, Path]:
    """Write the sheet whole or not at all.

    Args:
        folder: gets the files of `FILES`; an earlier sheet of ours there is replaced.
        sheet: what it says.

    Returns:
        The kind of each file to its path.

    Raises:
        InputError: the folder holds files that are not a sheet's, a picture is broken, or the disk is full
            or cannot be written; an earlier sheet is still there.
    """
    check_report_folder(folder, FILES.values())
    with clear_errors(folder, "an earlier sheet there stays as it is"), whole_folder(folder) as building:
        draw_sheet(sheet).save(building / FILES["picture"])
        write_json(building / FILES["data"], {**sheet.to_dict(), "bespoke": __version__})
        write_text(building / FILES["markdown"], sheet_markdown(sheet))
        write_text(building / FILES["html"], sheet_html(sheet))
    return {kind: folder / name for kind, name in FILES.items()}


def sheet_markdown(sheet: Sheet) -> str:
    """Return the sheet as Markdown, as a model page takes it."""
    lines = [f"# How to use {markdown_line(sheet.file)}", ""]
    lines += [f"**{markdown_line(sheet.headline)}** {markdown_line(sheet.sureness)}", ""]
    lines += ["![the sheet](sheet.png)", "", *_table("setting", "use", "how sure")]
    for one in sheet.choices:
        lines.append(_line(one.title, one.label, f"{one.state}: {one.sentence}"))
    lines += ["", markdown_line(result_line(sheet)), ""]
    for one in sheet.choices:
        lines += _compared(one, sheet.by)
    for title, told in (
        ("Words", words(sheet)),
        ("Files", about(sheet)),
        ("To make it again", recipe(sheet)),
    ):
        lines += [f"## {title}", ""]
        lines += [f"- **{name}**: {markdown_line(text)}" for name, text in told]
        lines.append("")
    if sheet.examples:
        lines += ["## Examples", "", *_table("prompt", "text", "score and seed")]
        for picture in sheet.examples:
            name, told_of = example_lines(sheet, picture)
            lines.append(_line(name, sheet.drawn.prompts.get(name, ""), told_of))
        lines.append("")
    if sheet.notes:
        lines += ["## Not measured", "", *(f"- {markdown_line(note)}" for note in sheet.notes), ""]
    lines += [f"Written by Bespoke {__version__}.", ""]
    return "\n".join(lines)


def sheet_html(sheet: Sheet) -> str:
    """Return the sheet as one HTML page that needs no other file."""
    return rendered(
        "sheet.html.jinja",
        sheet=sheet,
        by=score_name(sheet.by),
        result=result_line(sheet),
        direction=better_way(sheet.by, lower=sheet.by not in HIGHER_IS_BETTER),
        compared=[(one, _bars(one)) for one in sheet.choices if one.tried],
        alone=[one for one in sheet.choices if not one.tried],
        words=words(sheet),
        about=about(sheet),
        recipe=recipe(sheet),
        examples=[_example(sheet, one) for one in sheet.examples],
        sprite_name=sheet.drawn.sprite_name,
        version=__version__,
    )


def _table(*heads: str) -> list[str]:
    return [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]


def _line(*values: str) -> str:
    return f"| {' | '.join(markdown_line(value) for value in values)} |"


def _compared(choice: Choice, by: str) -> list[str]:
    if not choice.tried:
        return []
    lines = [f"## {choice.title[:1].upper()}{choice.title[1:]}, by {score_name(by)}", ""]
    lines += _table("value", "mean", "95 % interval", "pictures", "follows the prompts", "why")
    for one in choice.tried:
        mean = "" if one.mean is None else score_text(one.mean)
        lines.append(_line(one.label, mean, _span(one), str(one.n), one.follows_word, one.why))
    return [*lines, ""]


def _span(one: Tried) -> str:
    return "" if one.low is None or one.high is None else span_text(one.low, one.high)


def _bars(choice: Choice) -> list[dict[str, Any]]:
    """Return each value with the place of its bar, in per cent of the widest interval."""
    ends = [end for one in choice.tried for end in (one.low, one.mean, one.high) if end is not None]
    low, step = min(ends, default=0.0), (max(ends, default=1.0) - min(ends, default=0.0)) / 100 or 1.0
    return [
        {
            "value": one,
            "mean": "" if one.mean is None else score_text(one.mean),
            "span": _span(one),
            "left": None if one.low is None else round((one.low - low) / step, 1),
            "width": None if one.low is None or one.high is None else round((one.high - one.low) / step, 1),
            "at": None if one.mean is None else round((one.mean - low) / step, 1),
        }
        for one in choice.tried
    ]


def _example(sheet: Sheet, picture: ReportPicture) -> dict[str, Any]:
    name, told = example_lines(sheet, picture)
    sprite = picture.sprite_path
    return {
        "name": name,
        "text": sheet.drawn.prompts.get(name, ""),
        "told": told,
        "full": inline(fitted(picture.path, _EDGE), "WEBP"),
        "sprite": None if sprite is None else inline(fitted(sprite, _SPRITE)),
    }
