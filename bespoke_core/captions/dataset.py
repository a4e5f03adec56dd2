"""A data set's folder: captions and pictures paired by name; a caption's text is read when it is asked for.

Only names are held, so that a folder of a hundred thousand captions needs little memory. `read_dataset` is
lenient: what is wrong with a file becomes a `Problem`, and only a folder that cannot be a data set at all is
an error. `read_training_set` is strict: it refuses anything that training would stumble over, in one error
that names the first offenders.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..amounts import first_of
from ..errors import InputError
from .caption_file import CaptionText, first_line, known_encoding, read_caption_file
from .folder import (
    CAPTION_EXTENSIONS,
    PICTURE_EXTENSIONS,
    caption_suffix,
    is_picture,
    list_names,
    natural_key,
    other_extension,
    refuse_empty,
    refuse_no_captions,
)
from .pairing import by_name, pairing_problems, stem, usual_suffix
from .problems import Problem, broken_picture, raise_problems

__all__ = [
    "PICTURE_EXTENSIONS",
    "Dataset",
    "Item",
    "Problem",
    "first_line",
    "read_dataset",
    "read_training_set",
]

_UNREADABLE = ("not_utf8", "unreadable")


@dataclass(frozen=True, slots=True)
class Item:
    """One name of a data set: a caption, a picture, or both.

    Attributes:
        name: the file name without its ending, in Unicode's composed form; "10_punk/a" in a sub-folder.
        folder, images: where the captions and the pictures are.
        caption_file: the caption's name relative to `folder`; None where it is missing.
        image_file: the picture's name relative to `images`; None where it is missing.
        encoding: how a caption that is not UTF-8 is read; None where that is a problem.
    """

    name: str
    folder: Path
    images: Path
    caption_file: str | None
    image_file: str | None
    encoding: str | None = None

    @property
    def file(self) -> str:
        """The caption's relative name, or the picture's where there is no caption."""
        return self.caption_file or self.image_file or self.name

    @property
    def caption_path(self) -> Path | None:
        """The caption's file, if there is one."""
        return None if self.caption_file is None else self.folder / self.caption_file

    @property
    def image_path(self) -> Path | None:
        """The picture's file, if there is one."""
        return None if self.image_file is None else self.images / self.image_file

    def read(self) -> CaptionText:
        """Read the caption's file now; without one there is no text and no problem."""
        if self.caption_path is None:
            return CaptionText(None)
        return read_caption_file(self.caption_path, self.file, encoding=self.encoding)

    @property
    def text(self) -> str | None:
        """The caption file's whole text, read anew each time; None where there is no file.

        Raises:
            InputError: the file cannot be read.
        """
        content = self.read()
        if content.text is None and content.problems:
            raise_problems(content.problems)
        return content.text

    @property
    def caption(self) -> str:
        """The caption that training reads: the first line, without surrounding blanks; read anew each time.

        Raises:
            InputError: the file cannot be read.
        """
        return first_line(self.text or "").strip()


@dataclass(frozen=True)
class Dataset:
    """A folder of captions and pictures, paired.

    Attributes:
        folder: where the captions are.
        images: where the pictures are; None where there are none, and captions alone are looked at.
        caption_extension: the captions' ending, with its dot.
        items: in natural order of their names ("x2" before "x10").
        pairing: what is wrong with the names: captions without a picture and the like, in the items' order.
        check_pictures: `find_problems` decodes the pictures, too.
    """

    folder: Path
    images: Path | None
    caption_extension: str
    items: tuple[Item, ...]
    pairing: tuple[Problem, ...]
    check_pictures: bool = False

    @property
    def captions(self) -> tuple[Item, ...]:
        """The items that have a caption file."""
        return tuple(item for item in self.items if item.caption_file is not None)

    def find_problems(self) -> Iterator[Problem]:
        """Read every caption, and every picture where `check_pictures` says so; yield what is wrong."""
        pairing = self.pairing_by_item()
        for item in self.items:
            yield from item.read().problems
            yield from pairing.get(item.name, ())
            if self.check_pictures and item.image_path is not None and item.image_file is not None:
                yield from broken_picture(item.image_path, item.image_file)

    def pairing_by_item(self) -> dict[str, list[Problem]]:
        """The problems of `pairing` by the name of the item."""
        grouped: dict[str, list[Problem]] = {}
        for problem in self.pairing:
            grouped.setdefault(stem(problem.file), []).append(problem)
        return grouped


def read_dataset(
    folder: str | os.PathLike[str],
    *,
    images: str | os.PathLike[str] | None = None,
    caption_extension: str | None = ".txt",
    skip_unreadable: bool = False,
    check_pictures: bool = False,
    encoding: str | None = None,
    captions_optional: bool = False,
    without_captions: str = "",
) -> Dataset:
    """List the captions of a folder and pair them with their pictures by name.

    Args:
        folder: holds the captions, and the pictures too unless `images` is given; or sub-folders named
            "<repeats>_<name>" that hold them (see `list_names`). A picture without a caption is an item too.
        images: another folder that holds the pictures, in sub-folders of the same names if there are any.
        caption_extension: ".txt", ".caption" or another ending, with or without its dot; None for that of
            .txt and .caption which belongs to more pictures, .txt in doubt.
        skip_unreadable: leave files that cannot be read or are not UTF-8 to whoever reads them; otherwise
            every caption is read once, here, and the first of them is an error.
        check_pictures: `Dataset.find_problems` decodes every picture to find broken ones.
        encoding: how captions that are not UTF-8 are read, such as "cp1252".
        captions_optional: a folder of pictures without a single caption of any usual ending will do.
        without_captions: what else a user may do about a folder without captions, as a sentence.

    Raises:
        InputError: no such folder, no captions or pictures in it (with the folder that was probably meant),
            no such encoding, or a caption that cannot be read while `skip_unreadable` is false.
    """
    root = Path(folder)
    encoding = None if encoding is None else known_encoding(encoding)
    suffix = None if caption_extension is None else caption_suffix(caption_extension)
    here = list_names(root, field="folder")
    pictures_at = root if images is None else Path(images)
    there = here if images is None else list_names(pictures_at, field="images")
    pictures = by_name(name for name in there if is_picture(name))
    suffix = usual_suffix(here, pictures) if suffix is None else suffix
    captions = by_name(name for name in here if name.lower().endswith(suffix))
    if not captions and not pictures:
        refuse_empty(root, suffix)
    if not captions and not (captions_optional and other_extension(root, suffix) is None):
        refuse_no_captions(root, suffix, pictures, without_captions)
    if images is not None and not pictures:
        refuse_empty(pictures_at, None)
    del here, there
    names = sorted({*captions, *pictures}, key=natural_key)
    paired = ((name, captions.get(name, []), pictures.get(name, [])) for name in names)
    items = []
    wrong: list[Problem] = []
    for name, texts, art in paired:
        caption, picture = (texts[0] if texts else None), (art[0] if art else None)
        items.append(Item(name, root, pictures_at, caption, picture, encoding))
        wrong.extend(pairing_problems(root, pictures_at, texts, art, suffix, looked_for=bool(pictures)))
    if not skip_unreadable:
        _refuse_unreadable(items)
    return Dataset(
        root, pictures_at if pictures else None, suffix, tuple(items), tuple(wrong), check_pictures
    )


def read_training_set(
    folder: str | os.PathLike[str],
    *,
    images: str | os.PathLike[str] | None = None,
    caption_extension: str = ".txt",
    check_pictures: bool = True,
    captions_optional: bool = False,
    without_captions: str = "",
) -> Dataset:
    """Read a folder to train on: every item has a readable picture and a caption that is not empty.

    Args:
        captions_optional: a picture may have no caption file, unless one of another usual ending is there.
        without_captions: what else a user may do about pictures without captions, as a sentence.

    Returns:
        the data set; each of its items has `image_path` and `caption`, and there are no problems.

    Raises:
        InputError: the folder, or one or more of its files, cannot be used; nothing else has happened yet.
            A folder of folders with repeats is refused, because an item here knows no repeats.
    """
    dataset = read_dataset(
        folder,
        images=images,
        caption_extension=caption_extension,
        skip_unreadable=True,
        check_pictures=check_pictures,
        captions_optional=captions_optional,
        without_captions=without_captions,
    )
    concepts = dict.fromkeys(item.name.split("/")[0] for item in dataset.items if "/" in item.name)
    if concepts:
        raise InputError(
            f"the folder holds folders with repeats ({first_of(concepts, 5)}), no pictures itself",
            file=dataset.folder,
            remedy="Choose one of them.",
        )
    if dataset.images is None:
        raise InputError(
            "the folder holds captions but no picture",
            file=dataset.folder,
            remedy="Put the pictures beside the captions, or name their folder.",
        )
    problems = list(dataset.find_problems())
    if captions_optional:
        problems = [p for p in problems if p.kind != "missing_caption" or _has_other_caption(p.path)]
    if problems:
        advised = [
            replace(one, remedy=f"{one.remedy} {without_captions}".rstrip())
            if one.kind == "missing_caption"
            else one
            for one in problems
        ]
        raise_problems(advised)
    return dataset


def _has_other_caption(picture: Path) -> bool:
    return any(picture.with_suffix(ending).is_file() for ending in CAPTION_EXTENSIONS)


def _refuse_unreadable(items: Iterable[Item]) -> None:
    for item in items:
        wrong = [problem for problem in item.read().problems if problem.kind in _UNREADABLE]
        if wrong:
            raise_problems(wrong)
