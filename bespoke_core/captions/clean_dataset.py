"""Cleaning a data set: a preview, a new folder, or in place with a backup.

Captions go by one at a time: what stays in memory is their names and as many changes as are asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..errors import InputError
from .clean_report import CleanReport, CleanTally, OnEntry
from .cleaner import Cleaned, Rules, clean_items, frequent_phrases
from .dataset import Dataset
from .in_place import Changes, changed_in_place
from .output_folder import OutputFolder, output_folder
from .problems import Problem
from .style import DEFAULT_STYLE_PHRASES

__all__ = ["CleanReport", "clean_dataset"]


def clean_dataset(
    dataset: Dataset,
    *,
    output: str | os.PathLike[str] | None = None,
    in_place: bool = False,
    strategy: str = "smart",
    colourless: str = "keep",
    style_phrases: Collection[str] = DEFAULT_STYLE_PHRASES,
    remove_frequent: bool = False,
    trigger: str | None = None,
    dry_run: bool = False,
    copy_images: bool = False,
    skip_unreadable: bool = False,
    keep: int | None = None,
    on_entry: OnEntry | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> CleanReport:
    """Clean every caption of a data set that `read_dataset` has listed.

    Line breaks stay as they are; a byte-order mark goes, and what was read in another encoding becomes UTF-8.

    Args:
        dataset: what to clean; a folder of folders with repeats keeps its structure.
        output: a new folder, made whole or not at all.
        in_place: change the files themselves instead, after a backup; all or none.
        strategy: "smart" or "2025", see `clean_caption`.
        colourless: "name" puts the colour's name where a feature has none, as far as the picture tells (see
            `repair_caption`); "keep" does not.
        style_phrases: phrases to remove.
        remove_frequent: also remove the phrases that at least 80 % of the captions say.
        trigger: the phrase that names the concept, exempt from that; what all captions begin with is, too.
        dry_run: write nothing.
        copy_images: copy the pictures of the captions that are written, too.
        skip_unreadable: leave captions out that cannot be read; otherwise one of them stops everything.
        keep: changes, and repairs, that the report holds, the first ones; None for all.
        on_entry: called with each entry of "diff", "repairs" and "unrepaired", kept or not, and that name.
        on_progress: called with (captions done, captions in all) after each caption.

    Raises:
        InputError: the options contradict each other, a caption cannot be read, the output folder cannot be
            used, a caption that changes in place is a link, or writing failed; everything is as it was.
    """
    target = None if output is None else Path(output)
    rules = Rules(strategy, colourless, tuple(style_phrases), skip_unreadable)
    rules.check()
    _check_options(target, in_place, dry_run, copy_images)
    removed: tuple[str, ...] = ()
    if remove_frequent:
        removed = frequent_phrases(dataset, trigger=trigger, styles=rules.style_phrases)
        rules = replace(rules, style_phrases=(*rules.style_phrases, *removed))
    tally = CleanTally(keep, on_entry)
    backup = None
    if dry_run:
        _clean_all(dataset, rules, tally, None, on_progress)
    elif in_place:
        with changed_in_place(dataset.folder) as changes:
            _clean_all(dataset, rules, tally, partial(_change, changes), on_progress)
        backup = changes.backup
    elif target is not None:
        with output_folder(target, dataset.folder) as folder:
            _clean_all(dataset, rules, tally, partial(_write, folder, copy_images), on_progress)
    return tally.report(removed, None if dry_run else dataset.folder if in_place else target, backup)


def _clean_all(
    dataset: Dataset,
    rules: Rules,
    tally: CleanTally,
    write: Callable[[Cleaned], None] | None,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    items = dataset.captions
    with closing(clean_items(items, rules, pictures=dataset.images is not None)) as cleaning:
        for done, cleaned in enumerate(cleaning, start=1):
            if isinstance(cleaned, Problem):
                tally.skipped.append(cleaned.file)
            else:
                tally.add(cleaned)
                if write is not None:
                    write(cleaned)
            if on_progress is not None:
                on_progress(done, len(items))


def _change(changes: Changes, cleaned: Cleaned) -> None:
    if cleaned.changes:
        changes.add(cleaned.item.file, cleaned.content)


def _write(folder: OutputFolder, copy_images: bool, cleaned: Cleaned) -> None:
    item = cleaned.item
    folder.add_text(item.file, cleaned.content)
    if copy_images and item.image_path is not None and item.image_file is not None:
        folder.add_picture(item.image_file, item.image_path)


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
