"""Captions and pictures of one name: finding them together, and what is wrong where they are not alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from .folder import CAPTION_EXTENSIONS, PICTURE_EXTENSIONS, natural_key
from .problems import Problem

_OTHER_PICTURES = (
    *(".gif", ".avif", ".tif", ".tiff", ".tga", ".ico", ".heic", ".jxl", ".svg", ".psd"),
    *(".ase", ".aseprite", ".xcf", ".kra"),
)
"""Endings of pictures that are not read: of other formats and of the programs in which sprites are drawn."""


def stem(name: str) -> str:
    """Return a relative name without its ending; composed, because macOS stores names decomposed."""
    folder, slash, file = name.rpartition("/")
    return unicodedata.normalize("NFC", folder + slash + Path(file).stem)


def by_name(names: Iterable[str]) -> dict[str, list[str]]:
    """Group relative names by what is left without the ending, each group in natural order."""
    grouped: dict[str, list[str]] = {}
    for name in names:
        grouped.setdefault(stem(name), []).append(name)
    for several in grouped.values():
        several.sort(key=natural_key)
    return grouped


def usual_suffix(names: Iterable[str], pictures: dict[str, list[str]]) -> str:
    """Return the usual ending that belongs to more pictures, or that more files have; .txt in doubt."""
    count = dict.fromkeys(CAPTION_EXTENSIONS, (0, 0))
    for name in names:
        suffix = Path(name).suffix.lower()
        if suffix in count:
            paired, files = count[suffix]
            count[suffix] = (paired + (stem(name) in pictures), files + 1)
    return max(CAPTION_EXTENSIONS, key=lambda suffix: count[suffix])


def pairing_problems(
    folder: Path, images: Path, captions: list[str], pictures: list[str], suffix: str, *, looked_for: bool
) -> Iterator[Problem]:
    """Find what is wrong with the files of one name.

    Args:
        folder, images: where the captions and the pictures are.
        captions, pictures: the relative names of the files that have this name.
        suffix: the captions' ending.
        looked_for: there are pictures at all.
    """
    for other in captions[1:]:
        what = f"another file is the caption of this name already ({captions[0]})"
        yield Problem("orphan_caption", folder / other, what, "Keep one of them.", other)
    if not looked_for:
        return
    if not captions:
        first = pictures[0]
        remedy = f"Write {Path(first).stem}{suffix}, or remove the picture."
        wanted = Path(first).with_suffix(suffix)
        for twin in (*map(Path(first).with_suffix, CAPTION_EXTENSIONS), Path(first + suffix)):
            if twin != wanted and (folder / twin).is_file():
                remedy = f"{twin.name} lies there: rename it to {wanted.name}."
        if (folder / wanted).is_symlink():
            remedy = f"{wanted.name} is a link that leads to no file: mend it, or remove the picture."
        yield Problem("missing_caption", images / first, "the picture has no caption", remedy, first)
    elif not pictures:
        first = captions[0]
        what, remedy = _without_picture(images / first)
        yield Problem("orphan_caption", folder / first, what, remedy, first)
    if len(pictures) > 1:
        what = f"one caption has several pictures ({', '.join(pictures)})"
        yield Problem("two_pictures", images / pictures[1], what, "Keep one.", pictures[1])


def _without_picture(caption: Path) -> tuple[str, str]:
    """Say what is wrong with a caption that has no picture, and what to do.

    Args:
        caption: the caption's name in the folder of the pictures.
    """
    for ending in PICTURE_EXTENSIONS:
        twin = caption.with_suffix(ending)
        if twin.is_symlink():
            return f"the caption's picture, {twin.name}, is a link that leads to no file", (
                "Mend the link, or remove the caption."
            )
    for ending in _OTHER_PICTURES:
        twin = caption.with_suffix(ending)
        if twin.is_file():
            read = ", ".join(PICTURE_EXTENSIONS)
            return f"the caption's picture, {twin.name}, is of a format that is not read", (
                f"Save it as PNG ({read} are read), or remove the caption."
            )
    return "the caption has no picture", "Add the picture of the same name, or remove the caption."
