"""Which pictures `bespoke score` takes, and which prompt belongs to which."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ..amounts import counted
from ..errors import InputError


def find_pictures(given: Sequence[str], *, recursive: bool) -> dict[Path, str]:
    """Return each picture and its name under the folder that was given (posix), in order.

    Raises:
        InputError: a path does not exist, or a folder holds no picture.
    """
    from ..sprites.pictures import PICTURE_SUFFIXES, list_pictures

    found: dict[Path, str] = {}
    for one in given:
        root = Path(one)
        if not (recursive and root.is_dir()):
            for path in list_pictures([one]):
                found.setdefault(path, path.relative_to(root).as_posix() if root.is_dir() else path.name)
            continue
        before = len(found)
        for folder, inner, names in os.walk(root):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            for name in sorted(names):
                if not name.startswith(".") and Path(name).suffix.lower() in PICTURE_SUFFIXES:
                    path = Path(folder, name)
                    found.setdefault(path, path.relative_to(root).as_posix())
        if len(found) == before:
            remedy = f"Give a folder with {', '.join(PICTURE_SUFFIXES)}."
            raise InputError("holds no picture, nor do its folders", file=root, remedy=remedy)
    return found


def prompts_from(source: Path, pictures: dict[Path, str]) -> list[str]:
    """Read a CSV file with the columns file,prompt and return the prompt of each picture.

    A row names a picture as it was found ("sub/a.png" under the folder that was given, or the whole path), or
    by its bare name where no two pictures share it.

    Raises:
        InputError: the file cannot be read, lacks a column, holds two prompts for one file, or does not say
            which prompt a picture has.
    """
    table = _read_table(source)
    shared = Counter(path.name for path in pictures)
    prompts: list[str] = []
    missing: list[Path] = []
    for path, name in pictures.items():
        keys = [path.as_posix(), name, *([path.name] if shared[path.name] == 1 else [])]
        key = next((key for key in keys if key in table), None)
        if key is None:
            missing.append(path)
        else:
            prompts.append(table[key])
    if missing:
        name = pictures[missing[0]]
        several = shared[missing[0].name] > 1
        raise InputError(
            f"has no prompt for {len(missing)} of {counted(len(pictures), 'picture')}, {name} for one",
            file=source,
            field="file",
            value=name,
            remedy="Name pictures of one name with their folders: sub/a.png."
            if several
            else "Add a row for each picture.",
        )
    return prompts


def _read_table(source: Path) -> dict[str, str]:
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            records = list(csv.DictReader(file, restkey="rest"))
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror or error})", file=source, remedy="Give a CSV file."
        ) from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError("is not a UTF-8 CSV file", file=source, remedy="Save it as UTF-8 CSV.") from None
    if not records or not {"file", "prompt"} <= set(records[0]):
        raise InputError(
            "needs the columns file,prompt and a row for each picture", file=source, remedy="Add them."
        )
    table: dict[str, str] = {}
    for line, record in enumerate(records, 2):
        if record.get("rest"):
            raise InputError(
                f"line {line} has more than its columns", file=source, remedy='Quote the prompt: "a, b".'
            )
        name, prompt = (record["file"] or "").strip().replace("\\", "/"), record["prompt"] or ""
        if table.setdefault(name.removeprefix("./"), prompt) != prompt:
            raise InputError(
                f"gives {name} a second prompt in line {line}", file=source, remedy="Remove one of them."
            )
    return table
