"""Cleaning a data set: a preview, a new folder, or in place with a backup."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import write_bytes
from .backup import make_backup, undo
from .clean import CleanedCaption, clean_caption
from .dataset import Dataset, Item
from .output_folder import check_output, write_output
from .problems import raise_problems
from .style import DEFAULT_STYLE_PHRASES

_UNREADABLE = ("not_utf8", "unreadable")


@dataclass(frozen=True)
class CleanReport:
    """What cleaning changed, or would change.

    Attributes:
        files: captions looked at.
        changed: captions whose bytes differ afterwards (a byte-order mark goes, too).
        codes_removed, codes_left: colour codes in all captions together.
        text_kept: share of the words kept, 0.0 to 1.0 (see `CleanedCaption.words`).
        repairs: what was put in where a feature would have been left without a colour.
        diff: one {"file", "before", "after"} for each caption that changes.
        skipped: names of the files left out because they cannot be read.
        output: where the cleaned captions are; None after a dry run.
        backup: where the former captions are; None unless cleaned in place with a change.
    """

    files: int
    changed: int
    codes_removed: int
    codes_left: int
    text_kept: float
    repairs: tuple[dict[str, Any], ...]
    diff: tuple[dict[str, str], ...]
    skipped: tuple[str, ...]
    output: Path | None
    backup: Path | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that scripts rely on."""
        return {
            "files": self.files,
            "changed": self.changed,
            "codes_removed": self.codes_removed,
            "codes_left": self.codes_left,
            "text_kept": self.text_kept,
            "repairs": [dict(repair) for repair in self.repairs],
            "diff": [dict(entry) for entry in self.diff],
            "skipped": list(self.skipped),
            "output": None if self.output is None else str(self.output),
            "backup": None if self.backup is None else str(self.backup),
        }


def clean_dataset(
    dataset: Dataset,
    *,
    output: str | os.PathLike[str] | None = None,
    in_place: bool = False,
    strategy: str = "smart",
    dry_run: bool = False,
    copy_images: bool = False,
    skip_unreadable: bool = False,
    style_phrases: Collection[str] = DEFAULT_STYLE_PHRASES,
    on_progress: Callable[[int, int], None] | None = None,
) -> CleanReport:
    """Clean every caption of a data set that `read_dataset` has read.

    Args:
        dataset: its captions and, for `copy_images`, its pictures.
        output: the new folder; it appears whole or not at all. One that an earlier cleaning of the same
            source made is replaced; any other that is not empty is refused.
        in_place: change the captions where they are, after a backup that `backup.restore` brings back.
        strategy: "smart" or "2025", see `clean_caption`.
        dry_run: only report; `output` and `in_place` are checked but nothing is written.
        copy_images: copy the pictures that have a caption, so that the output is ready to train on; where the
            data set has no pictures, only the captions are written.
        skip_unreadable: leave captions out that cannot be read; otherwise one of them stops everything.
        on_progress: called with (captions done, captions in all) after each caption.

    Raises:
        InputError: the options contradict each other, a caption cannot be read, or the output folder cannot
            be used; nothing has been written.
        OSError: writing failed; everything is as it was before.
    """
    target = None if output is None else Path(output)
    _check_options(target, in_place, dry_run, copy_images)
    unreadable = [problem for problem in dataset.find_problems() if problem.kind in _UNREADABLE]
    if unreadable and not skip_unreadable:
        raise_problems(unreadable)
    if target is not None:
        check_output(target, dataset.folder)
    results: list[tuple[Item, CleanedCaption]] = []
    left_out = {problem.file for problem in unreadable}
    items = [item for item in dataset.captions if item.file not in left_out]
    for done, item in enumerate(items, start=1):
        results.append((item, clean_caption(item.text or "", strategy=strategy, style_phrases=style_phrases)))
        if on_progress is not None:
            on_progress(done, len(items))
    backup = None
    if not dry_run and in_place:
        backup = _write_in_place(dataset.folder, results)
    elif not dry_run and target is not None:
        _write_folder(target, dataset, results, copy_images)
    where = None if dry_run else dataset.folder if in_place else target
    return _report(results, tuple(p.file for p in unreadable), where, backup)


def _check_options(target: Path | None, in_place: bool, dry_run: bool, copy_images: bool) -> None:
    if in_place and target is not None:
        raise InputError(
            "an output folder and cleaning in place exclude each other",
            field="output",
            value=str(target),
            remedy="Give one of them.",
        )
    if not (in_place or target is not None or dry_run):
        raise InputError(
            "no output folder is given",
            field="output",
            remedy="Name a new folder, or ask for a dry run or for cleaning in place.",
        )
    if copy_images and in_place:
        raise InputError(
            "pictures are copied only into an output folder",
            field="copy_images",
            value=True,
            remedy="Leave it out when cleaning in place.",
        )


def _changes(item: Item, cleaned: CleanedCaption) -> bool:
    return item.read().recoded or cleaned.text != item.text


def _encoded(cleaned: CleanedCaption) -> bytes:
    return cleaned.text.encode("utf-8")


def _write_in_place(folder: Path, results: list[tuple[Item, CleanedCaption]]) -> Path | None:
    changes = {
        item.caption_path.name: _encoded(cleaned)
        for item, cleaned in results
        if item.caption_path is not None and _changes(item, cleaned)
    }
    if not changes:
        return None
    backup = make_backup(folder, changes)
    try:
        for name, content in changes.items():
            write_bytes(folder / name, content)
    except BaseException:
        undo(folder, backup)
        raise
    return backup


def _write_folder(
    target: Path, dataset: Dataset, results: list[tuple[Item, CleanedCaption]], copy_images: bool
) -> None:
    texts = {i.caption_path.name: _encoded(cleaned) for i, cleaned in results if i.caption_path is not None}
    pictures = {}
    if copy_images:
        pictures = {
            item.image_path.name: item.image_path for item, _ in results if item.image_path is not None
        }
    write_output(target, dataset.folder, texts, pictures)


def _report(
    results: list[tuple[Item, CleanedCaption]],
    skipped: tuple[str, ...],
    output: Path | None,
    backup: Path | None,
) -> CleanReport:
    words = sum(cleaned.words for _, cleaned in results)
    kept = sum(min(cleaned.words_kept, cleaned.words) for _, cleaned in results)
    diff = tuple(
        {"file": item.caption_path.name, "before": item.text or "", "after": cleaned.text}
        for item, cleaned in results
        if item.caption_path is not None and _changes(item, cleaned)
    )
    return CleanReport(
        files=len(results),
        changed=len(diff),
        codes_removed=sum(cleaned.codes_removed for _, cleaned in results),
        codes_left=sum(cleaned.codes_left for _, cleaned in results),
        text_kept=kept / words if words else 1.0,
        repairs=(),
        diff=diff,
        skipped=skipped,
        output=output,
        backup=backup,
    )
