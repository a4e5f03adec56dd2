"""A data set's folder: captions and pictures paired by name, read whole before anything is done with them.

`read_dataset` is lenient: what is wrong with a file becomes a `Problem`, and only a folder that cannot be a
data set at all is an error. `read_training_set` is strict: it refuses anything that training would stumble
over, in one error that names the first offenders.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .folder import (
    PICTURE_EXTENSIONS,
    caption_suffix,
    list_files,
    natural_key,
    refuse_empty,
    refuse_no_captions,
)
from .problems import Problem, broken_picture, raise_problems

__all__ = ["PICTURE_EXTENSIONS", "Dataset", "Item", "Problem", "read_dataset", "read_training_set"]

_BOM = b"\xef\xbb\xbf"
_LONGEST = 1_000_000  # bytes; the longest real captions have a few thousand


@dataclass(frozen=True)
class Item:
    """One name of a data set: a caption, a picture, or both.

    Attributes:
        name: the file name without its ending, in Unicode's composed form.
        caption_path: the caption's file; None where it is missing.
        image_path: the picture's file; None where it is missing or pictures were not looked for.
        text: the caption file's whole text without a byte-order mark, line breaks as they are; None where
            there is no file or it cannot be read.
        bom: the file starts with a UTF-8 byte-order mark.
    """

    name: str
    caption_path: Path | None
    image_path: Path | None
    text: str | None
    bom: bool = False

    @property
    def caption(self) -> str:
        """The caption that training reads: the first line, without surrounding blanks."""
        return first_line(self.text or "").strip()


@dataclass(frozen=True)
class Dataset:
    """A folder of captions and pictures, read.

    Attributes:
        folder: where the captions are.
        images: where the pictures are; None where there are none, and captions alone are looked at.
        caption_extension: the captions' ending, with its dot.
        items: in natural order of their names ("x2" before "x10").
        problems: what is wrong with single files, in the items' order.
        pictures_checked: the pictures were decoded, so that broken ones are among the problems.
    """

    folder: Path
    images: Path | None
    caption_extension: str
    items: tuple[Item, ...]
    problems: tuple[Problem, ...]
    pictures_checked: bool = False

    @property
    def captions(self) -> tuple[Item, ...]:
        """The items whose caption file was read."""
        return tuple(item for item in self.items if item.text is not None)


def first_line(text: str) -> str:
    """Return the text up to its first line break; what follows is not read by training."""
    end = min((i for i in (text.find("\n"), text.find("\r")) if i >= 0), default=len(text))
    return text[:end]


def read_dataset(
    folder: str | os.PathLike[str],
    *,
    images: str | os.PathLike[str] | None = None,
    caption_extension: str = ".txt",
    skip_unreadable: bool = False,
    check_pictures: bool = False,
) -> Dataset:
    """Read the captions of one folder and pair them with their pictures by name.

    Args:
        folder: holds the captions, and the pictures too unless `images` is given. A picture without a
            caption is an item too.
        images: another folder that holds the pictures.
        caption_extension: ".txt", ".caption" or another ending, with or without its dot.
        skip_unreadable: take files that cannot be read or are not UTF-8 as problems; otherwise the first
            of them is an error.
        check_pictures: decode every picture to find broken ones (a few milliseconds each).

    Raises:
        InputError: no such folder, no captions or pictures in it (with the folder that was probably meant),
            or a caption that cannot be read while `skip_unreadable` is false.
    """
    suffix = caption_suffix(caption_extension)
    root = Path(folder)
    here = list_files(root, field="folder")
    pictures_at = root if images is None else Path(images)
    there = here if images is None else list_files(pictures_at, field="images")
    captions = _by_name(path for path in here if path.suffix.lower() == suffix)
    pictures = _by_name(path for path in there if path.suffix.lower() in PICTURE_EXTENSIONS)
    if not captions and not pictures:
        refuse_empty(root, suffix)
    if not captions:
        refuse_no_captions(root, suffix, pictures)
    if images is not None and not pictures:
        refuse_empty(pictures_at, None)
    items: list[Item] = []
    problems: list[Problem] = []
    for name in sorted({*captions, *pictures}, key=natural_key):
        item, wrong = _read_item(name, captions.get(name), pictures.get(name), skip_unreadable)
        if pictures:
            wrong.extend(_pairing(item, pictures.get(name, ()), suffix))
        if check_pictures and item.image_path is not None:
            wrong.extend(broken_picture(item.image_path))
        items.append(item)
        problems.extend(wrong)
    return Dataset(
        root,
        pictures_at if pictures else None,
        suffix,
        tuple(items),
        tuple(problems),
        check_pictures and bool(pictures),
    )


def read_training_set(
    folder: str | os.PathLike[str],
    *,
    images: str | os.PathLike[str] | None = None,
    caption_extension: str = ".txt",
    check_pictures: bool = True,
) -> Dataset:
    """Read a folder to train on: every item has a readable picture and a caption that is not empty.

    Returns:
        the data set; each of its items has `image_path` and `caption`, and `problems` is empty.

    Raises:
        InputError: the folder, or one or more of its files, cannot be used; nothing else has happened yet.
    """
    dataset = read_dataset(
        folder,
        images=images,
        caption_extension=caption_extension,
        skip_unreadable=True,
        check_pictures=check_pictures,
    )
    if dataset.images is None:
        raise InputError(
            "the folder holds captions but no picture",
            file=dataset.folder,
            remedy="Put the pictures beside the captions, or name their folder.",
        )
    if dataset.problems:
        raise_problems(dataset.problems)
    return dataset


def _by_name(paths: Iterable[Path]) -> dict[str, list[Path]]:
    """Group files by their name without the ending; composed, because macOS stores names decomposed."""
    grouped: dict[str, list[Path]] = {}
    for path in paths:
        grouped.setdefault(unicodedata.normalize("NFC", path.stem), []).append(path)
    return grouped


def _read_item(
    name: str, captions: list[Path] | None, pictures: list[Path] | None, skip_unreadable: bool
) -> tuple[Item, list[Problem]]:
    image = pictures[0] if pictures else None
    if not captions:
        return Item(name, None, image, None), []
    path = captions[0]
    text, bom, problem = _read_text(path)
    if problem is not None:
        if not skip_unreadable:
            raise_problems([problem])
        return Item(name, path, image, None), [problem]
    wrong = []
    if text is not None and not first_line(text).strip():
        what = "the caption's first line is empty" if text.strip() else "the caption is empty"
        wrong.append(Problem("empty_caption", path, what, "Write a caption on the first line."))
    return Item(name, path, image, text, bom), wrong


def _read_text(path: Path) -> tuple[str | None, bool, Problem | None]:
    try:
        size = path.stat().st_size
        if size > _LONGEST:
            problem = f"is {size / 1e6:.1f} MB long, too long for a caption"
            return None, False, Problem("unreadable", path, problem, "Replace it by a caption.")
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return None, False, Problem("unreadable", path, f"cannot be read ({reason})", "Check its rights.")
    bom = data.startswith(_BOM)
    try:
        return data.decode("utf-8-sig"), bom, None
    except UnicodeDecodeError as error:
        at = error.start + (len(_BOM) if bom else 0)
        problem = f"is not UTF-8 at byte {at} (0x{data[at]:02x})"
        return None, bom, Problem("not_utf8", path, problem, "Save the file as UTF-8.")


def _pairing(item: Item, pictures: Iterable[Path], suffix: str) -> list[Problem]:
    several = list(pictures)
    wrong = []
    if item.caption_path is None and several:
        wrong.append(
            Problem(
                "missing_caption",
                several[0],
                "the picture has no caption",
                f"Write {several[0].stem}{suffix}, or remove the picture.",
            )
        )
    elif item.caption_path is not None and not several:
        wrong.append(
            Problem(
                "orphan_caption",
                item.caption_path,
                "the caption has no picture",
                "Add the picture of the same name, or remove the caption.",
            )
        )
    if len(several) > 1:
        names = ", ".join(path.name for path in several)
        wrong.append(
            Problem("two_pictures", several[1], f"one caption has several pictures ({names})", "Keep one.")
        )
    return wrong
