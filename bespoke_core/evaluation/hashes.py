"""Hashes of files that are asked for again and again: computed once for each state of a file."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from ..errors import InputError
from ..files import sha256_of_file
from ..weights_file import read_header


def stamp_of(status: os.stat_result) -> str:
    """Return what changes whenever a file's content does: size, times and number of the file.

    The time of the last change of the entry itself is part of it, so that a file which was replaced by one of
    the same size and date is noticed, too.
    """
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file, read anew only when its stamp changed in this process.

    Raises:
        OSError: the file cannot be read.
    """
    return _hash(os.path.realpath(path), stamp_of(path.stat()))


@lru_cache(maxsize=4096)
def _hash(path: str, stamp: str) -> str:
    return sha256_of_file(path)


def require_unchanged(path: Path, sha256: str) -> None:
    """Check that a checkpoint is still the file that a sweep was planned with.

    Raises:
        InputError: it was deleted, cut short or replaced since.
    """
    remedy = (
        "What is finished is kept. Put the file back, or queue the sweep again to draw what is there now."
    )
    if not path.is_file():
        raise InputError("was deleted during the sweep", file=path, remedy=remedy)
    if content_hash(path) == sha256:
        return
    read_header(path, remedy="Give a LoRA saved as .safetensors.")  # says so when it was cut short
    raise InputError("was replaced by another file during the sweep", file=path, remedy=remedy)
