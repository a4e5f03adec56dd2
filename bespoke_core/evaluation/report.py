"""A sweep's report: one page that opens anywhere, and the same as Markdown, CSV, JSON and PNG."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..files import write_json, write_text
from .chart import chart_png
from .contact_sheet import ReportPicture, contact_sheet
from .report_page import html_page, markdown_page
from .table import Row, write_csv

if TYPE_CHECKING:
    from .verdict import Verdict

__all__ = ["FILES", "ReportPicture", "contact_sheet", "write_report"]

FILES: Mapping[str, str] = {
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
    """Write the report, all of it or nothing.

    Args:
        folder: gets the files of `FILES`; an earlier report there is replaced.
        rows: of the sweep.
        verdict: made from them.
        pictures: for the contact sheet and the page; may be empty.
        settings: what is needed to make the sweep again, JSON-able.

    Returns:
        The paths under the keys of `FILES`.

    Raises:
        InputError: the folder holds something that is not a report, or a picture is missing or broken.
    """
    _refuse_foreign(folder)
    _require_pictures(pictures)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name[:80]}.", suffix=".tmp", dir=folder.parent))
    try:
        _write_files(beside, rows, verdict, pictures, settings)
        # mkdtemp makes private folders; a report is as readable as any folder that the user makes.
        umask = os.umask(0)
        os.umask(umask)
        beside.chmod(0o777 & ~umask)
        _swap(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return {key: folder / name for key, name in FILES.items()}


def _write_files(
    folder: Path,
    rows: Sequence[Row],
    verdict: Verdict,
    pictures: Sequence[ReportPicture],
    settings: Mapping[str, Any],
) -> None:
    chart = chart_png(rows, verdict, verdict.by)
    chart.save(folder / FILES["chart"])
    contact_sheet(pictures).save(folder / FILES["contact_sheet"])
    write_csv(folder / FILES["table"], rows)
    write_json(folder / FILES["verdict"], {**verdict.to_dict(), "settings": dict(settings)})
    write_text(folder / FILES["markdown"], markdown_page(verdict, settings))
    write_text(folder / FILES["html"], html_page(rows, verdict, chart, pictures, settings))


def _refuse_foreign(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError("is a file, not a folder", file=folder, remedy="Name a folder for the report.")
    foreign = sorted(entry.name for entry in folder.iterdir() if entry.name not in FILES.values())
    if foreign:
        raise InputError(
            f"holds something that is not a report ({', '.join(foreign[:4])})",
            file=folder,
            remedy="Name a new folder, or that of an earlier report.",
        )


def _require_pictures(pictures: Sequence[ReportPicture]) -> None:
    """Open every picture once, so that a broken one is named before anything is written."""
    from PIL import Image, UnidentifiedImageError

    for picture in pictures:
        for path in (picture.path, picture.sprite_path):
            if path is None:
                continue
            try:
                with Image.open(path) as opened:
                    opened.load()
            except (OSError, UnidentifiedImageError, SyntaxError) as error:
                raise InputError(
                    f"is not a readable picture ({error})", file=path, remedy="Draw this cell again."
                ) from None


def _swap(new: Path, folder: Path) -> None:
    """Put `new` where `folder` is; the earlier report is back in its place if that fails."""
    if not folder.exists():
        new.rename(folder)
        return
    old = new.with_name(f"{new.name}.old")
    folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old)
