"""Writing files whole or not at all, and naming them by their content."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import InputError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def clear_errors(place: Path, state: str = "nothing was changed") -> Iterator[None]:
    """Turn a failure to write into an error for people.

    Args:
        place: the file or folder that is written to.
        state: what is to be known about what was written before the failure.

    Raises:
        InputError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        remedy = "Check the folder."
        if error.errno in _FULL:
            remedy = "Free some space, or choose a folder on another disk."
        elif error.errno in _FORBIDDEN:
            remedy = "Choose a folder that you may write to."
        raise InputError(
            f"cannot be written ({error.strerror or error}); {state}", file=place, remedy=remedy
        ) from error


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success fsync it and rename it into place.

    On any exception, a kill signal included as far as Python sees it, `path` keeps its former content (or
    stays absent) and the temporary file is removed. The temporary name starts with a dot and ends with
    ``.tmp``, so that a listing for a data format never takes it for a finished file.

    Raises:
        OSError: the folder cannot be written or the disk is full; nothing is changed.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name[:50]}.{uuid.uuid4().hex[:12]}.tmp")
    # Opened with ordinary rights, so that a result is as readable as any file that the user makes.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        with temporary.open("rb") as done:
            os.fsync(done.fileno())
        temporary.replace(target)
        _fsync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the place of `path`.

    What was at `path` is removed after the exchange, and is back in its place when the exchange fails. On any
    exception `path` keeps its former content (or stays absent) and the temporary folder is removed.

    Raises:
        OSError: the place cannot be written or the disk is full; nothing is changed.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name[:50]}.{uuid.uuid4().hex[:12]}.tmp")
    former = temporary.with_suffix(".old")
    temporary.mkdir()
    try:
        yield temporary
        if target.exists():
            target.rename(former)
        try:
            temporary.rename(target)
        except BaseException:
            if former.exists():
                former.rename(target)
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if target.exists():
            shutil.rmtree(former, ignore_errors=True)


def read_text(path: str | os.PathLike[str], *, remedy: str) -> str:
    """Return the text of a user's UTF-8 file, with or without a byte-order mark.

    Args:
        path: of the file.
        remedy: what to do when there is no such file.

    Raises:
        InputError: absent, a folder, not readable, or not UTF-8; the first wrong byte is named.
    """
    source = Path(path)
    if not source.exists():
        raise InputError("there is no such file", file=source, remedy=remedy)
    try:
        return source.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"is not UTF-8 at byte {error.start}", file=source, remedy="Save the file as UTF-8."
        ) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", file=source, remedy=remedy) from None


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` as UTF-8 with the line ends that it has, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` to `path` as indented UTF-8 JSON, whole or not at all. NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def sha256_of_file(path: str | os.PathLike[str]) -> str:
    """Return the lower-case hex SHA-256 of a file's bytes, reading it in 1 MiB pieces."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as source:
        while piece := source.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def key_of(value: Any) -> str:
    """Return the 64-digit content key of a JSON-able value, whatever the order of its dicts."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _fsync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows has no handle on a folder to sync
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_report_folder(folder: Path, names: Collection[str]) -> None:
    """Refuse a folder that holds anything else than an earlier report.

    Args:
        folder: where a report is to be written.
        names: the files that a report consists of.

    Raises:
        InputError: naming one of the foreign files.
    """
    remedy = "Give another folder; a report never mixes with other files."
    if folder.exists() and not folder.is_dir():
        raise InputError("is a file", file=folder, field="report_folder", remedy=remedy)
    foreign = sorted({path.name for path in folder.iterdir()} - set(names)) if folder.is_dir() else []
    if foreign:
        raise InputError(
            f"holds other files than a report's, such as {foreign[0]}",
            file=folder,
            field="report_folder",
            remedy=remedy,
        )
