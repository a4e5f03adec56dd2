"""Looking into folders: listing, natural order, and saying which folder was probably meant."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from ..errors import InputError

PICTURE_EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_CAPTION_EXTENSIONS = (".txt", ".caption")
_DIGITS = re.compile(r"(\d+)")
_NAMED = 6  # folders that one error names


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key in which numbers count as numbers and case does not matter: "x2" before "x10"."""
    parts = _DIGITS.split(name.casefold())
    key = [(0, int(part), "") if i % 2 else (1, 0, part) for i, part in enumerate(parts)]
    return [*key, (2, 0, name)]


def caption_suffix(extension: str) -> str:
    """Return a caption ending in lower case with its dot.

    Raises:
        InputError: it is empty, holds a slash, or is a picture's ending.
    """
    suffix = "." + extension.strip().lower().lstrip(".")
    if suffix == "." or "/" in suffix or "\\" in suffix or suffix in PICTURE_EXTENSIONS:
        raise InputError(
            "is no ending for captions",
            field="caption_extension",
            value=extension,
            remedy="Use .txt or .caption.",
        )
    return suffix


def list_files(folder: Path, *, field: str) -> list[Path]:
    """Return the files of a folder in natural order, hidden ones left out.

    Raises:
        InputError: there is no such folder, it is a file, or it cannot be read.
    """
    if not folder.exists():
        raise InputError("there is no such folder", field=field, value=str(folder), remedy="Check the path.")
    if not folder.is_dir():
        raise InputError(
            "is a file, not a folder", field=field, value=str(folder), remedy="Give the folder that holds it."
        )
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".") and _is_file(entry)]
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", field=field, value=str(folder), remedy="Check its rights."
        ) from None
    return [folder / name for name in sorted(names, key=natural_key)]


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself leads to no file, like one to nothing
        return False


def refuse_empty(folder: Path, suffix: str | None) -> NoReturn:
    """Raise the error for a folder without pictures (and, where `suffix` is given, without captions)."""
    wanted = PICTURE_EXTENSIONS if suffix is None else (*PICTURE_EXTENSIONS, suffix)
    what = "no picture" if suffix is None else f"no picture and no {suffix} caption"
    below = [child for child in _sub_folders(folder) if _holds(child, wanted)]
    if below:
        names = ", ".join(child.name for child in below[:_NAMED]) + (", ..." if len(below) > _NAMED else "")
        raise InputError(
            f"the folder is one level too high: it holds {what} itself",
            file=folder,
            remedy=f"Choose one of its sub-folders: {names}.",
        )
    above = folder.resolve().parent
    if _holds(above, wanted):
        raise InputError(
            f"the folder is one level too low: it holds {what}",
            file=folder,
            remedy=f"Choose the folder above it: {above.name}.",
        )
    other = _other_extension(folder, suffix)
    if other:
        raise InputError(
            f"the folder holds {what}, but {other} files",
            file=folder,
            remedy=f"Set caption_extension to {other}.",
        )
    raise InputError(
        f"the folder holds {what}",
        file=folder,
        remedy="Choose a folder with pictures and a text file of the same name beside each.",
    )


def refuse_no_captions(folder: Path, suffix: str, names: Iterable[str]) -> NoReturn:
    """Raise the error for a folder with pictures and not a single caption, with the likeliest remedy."""
    other = _other_extension(folder, suffix)
    if other:
        remedy = f"It holds {other} files: set caption_extension to {other}."
    else:
        wanted = set(names)
        above = folder.resolve().parent
        places = [above, *_sub_folders(above), *_sub_folders(folder)]
        found = next((p for p in places if p != folder and _captions_in(p, suffix) & wanted), None)
        remedy = (
            f"Captions of these names are in the folder {found.name}: choose that one, and give this one "
            "as the folder of the images."
            if found
            else f"Write a {suffix} file beside each picture."
        )
    raise InputError(f"the folder holds pictures but no {suffix} caption", file=folder, remedy=remedy)


def _other_extension(folder: Path, suffix: str | None) -> str | None:
    others = (other for other in _CAPTION_EXTENSIONS if other != suffix)
    return next((other for other in others if suffix and _holds(folder, (other,))), None)


def _sub_folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if not e.name.startswith(".") and e.is_dir()]
    except OSError:  # a hint only: a folder that cannot be read is no candidate
        return []
    return [folder / name for name in sorted(names, key=natural_key)]


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if not entry.name.startswith(".")]
    except OSError:  # as above
        return []


def _holds(folder: Path, suffixes: Iterable[str]) -> bool:
    wanted = set(suffixes)
    return any(Path(name).suffix.lower() in wanted for name in _names(folder))


def _captions_in(folder: Path, suffix: str) -> set[str]:
    return {Path(name).stem for name in _names(folder) if Path(name).suffix.lower() == suffix}
