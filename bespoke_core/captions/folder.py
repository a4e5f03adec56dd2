"""Looking into folders: listing, natural order, and saying which folder was probably meant."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

from ..amounts import first_of
from ..errors import InputError

PICTURE_EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
CAPTION_EXTENSIONS = (".txt", ".caption")
_DIGITS = re.compile(r"(\d+)")
_CONCEPT = re.compile(r"\d+_")  # kohya's "10_punk": ten repeats of the concept
_REGULARISATION = re.compile(r"reg(s|ulari[sz]ation)?([ _-].*)?", re.IGNORECASE)
_NAMED = 6  # folders that one error names


def natural_key(name: str) -> str:
    """Return a sort key in which numbers count as numbers and case does not matter: "x2" before "x10".

    One string, because a folder of a hundred thousand files has as many of them at a time.
    """
    # A number's length sorts before its digits, and the mark before it sorts before any letter.
    key = _DIGITS.sub(lambda match: "\0" + chr(len(number := str(int(match[0])))) + number, name.casefold())
    return f"{key}\0\0{name}"


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


def names_regularisation(folder: str) -> bool:
    """Return whether a folder's name is one that people give to regularisation pictures, such as "reg"."""
    return _REGULARISATION.fullmatch(folder) is not None


def is_picture(name: str) -> bool:
    """Return whether a file's name ends as a picture's does."""
    return Path(name).suffix.lower() in PICTURE_EXTENSIONS


def list_names(folder: Path, *, field: str) -> list[str]:
    """Return the names of a data set's files relative to its folder, in no order, hidden ones left out.

    A folder with sub-folders named "<repeats>_<name>" that hold the pictures or captions, as kohya's trainer
    wants them, is one data set: its names are "10_punk/a.txt". Sub-folders of other names are not looked at,
    and none is where the folder holds captions whose pictures are not in those sub-folders.

    Raises:
        InputError: there is no such folder, it is a file, it cannot be read, or pictures lie both in it and
            beside a folder with repeats.
    """
    if not folder.exists():
        raise InputError("there is no such folder", field=field, value=str(folder), remedy="Check the path.")
    if not folder.is_dir():
        raise InputError(
            "is a file, not a folder", field=field, value=str(folder), remedy="Give the folder that holds it."
        )
    files, folders = _scan(folder, field)
    inside = {name: _scan(folder / name, field)[0] for name in folders if _CONCEPT.match(name)}
    inside = {name: held for name, held in inside.items() if any(map(_is_data, held))}
    if inside and any(map(is_picture, files)):
        first = min(inside, key=natural_key)
        raise InputError(
            f"holds pictures itself and also the folder {first}, whose name gives repeats",
            file=folder,
            remedy="Put all pictures into folders with repeats, or move those folders away.",
        )
    if any(map(_is_data, files)) and not any(is_picture(name) for held in inside.values() for name in held):
        return files
    return files + [f"{name}/{file}" for name, held in inside.items() for file in held]


def _is_data(name: str) -> bool:
    return Path(name).suffix.lower() in (*PICTURE_EXTENSIONS, *CAPTION_EXTENSIONS)


def _scan(folder: Path, field: str) -> tuple[list[str], list[str]]:
    """Return the names of the files and of the folders in a folder."""
    files, folders = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                _refuse_odd_name(folder, entry.name)
                if _leads_to(entry.is_file):
                    files.append(entry.name)
                elif _leads_to(entry.is_dir):
                    folders.append(entry.name)
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", field=field, value=str(folder), remedy="Check its rights."
        ) from None
    return files, folders


def _refuse_odd_name(folder: Path, name: str) -> None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:  # a name from a system of another encoding; no report could be written with it
        readable = os.fsencode(name).decode("utf-8", "replace")
        raise InputError(
            f"holds a file whose name is not UTF-8 ({readable})", file=folder, remedy="Rename the file."
        ) from None


def _leads_to(kind: Callable[[], bool]) -> bool:
    try:
        return kind()
    except OSError:  # a link that leads to itself leads to no file, like one to nothing
        return False


def refuse_empty(folder: Path, suffix: str | None) -> NoReturn:
    """Raise the error for a folder without pictures (and, where `suffix` is given, without captions)."""
    wanted = PICTURE_EXTENSIONS if suffix is None else (*PICTURE_EXTENSIONS, suffix)
    what = "no picture" if suffix is None else f"no picture and no {suffix} caption"
    below = [
        child
        for child in _sub_folders(folder)
        if not names_regularisation(child.name) and _holds(child, wanted)
    ]
    if below:
        names = first_of((child.name for child in below), _NAMED)
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
    other = other_extension(folder, suffix)
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


def refuse_no_captions(folder: Path, suffix: str, names: Iterable[str], advice: str = "") -> NoReturn:
    """Raise the error for a folder with pictures and not a single caption, with the likeliest remedy."""
    other = other_extension(folder, suffix)
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
            else f"Write a {suffix} file beside each picture. {advice}".rstrip()
        )
    raise InputError(f"the folder holds pictures but no {suffix} caption", file=folder, remedy=remedy)


def other_extension(folder: Path, suffix: str | None) -> str | None:
    """Return another usual ending of captions than `suffix` that files in a folder have, if any."""
    others = (other for other in CAPTION_EXTENSIONS if other != suffix)
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
