"""What writing many small files has in common: one flush for all, hidden names, and no way through links."""

from __future__ import annotations

import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from ..errors import InputError

_AT_ONCE = 8  # files whose writing is waited for
_TOGETHER = 1000  # files that are listed at a time


def flush(folder: Path) -> None:
    """Make sure that all files below `folder` are on the disk, not only in memory.

    Several wait at a time: the disk writes many small files ten times as fast so.
    """
    paths = (Path(root, name) for root, _, names in os.walk(folder) for name in names)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="flush") as pool:
        while some := list(islice(paths, _TOGETHER)):
            for _ in pool.map(_flush_one, some):
                pass


def _flush_one(path: Path) -> None:
    # Windows flushes only what is open for writing, and has no files there that may not be written.
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary_beside(path: Path) -> Path:
    """Return a hidden name in the same folder that no listing takes for data."""
    return path.with_name(f".{path.name[:50]}.{uuid.uuid4().hex[:12]}.tmp")


def refuse_links(folder: Path, file: str) -> None:
    """Refuse to write a file through a link, which may lead out of the folder, or to put a file in its place.

    Args:
        folder: a data set's folder, which may be a link itself: it was named by the user.
        file: relative name in it, with at most one sub-folder.

    Raises:
        InputError: the file or its sub-folder is a link.
    """
    path = folder / file
    links = [place for place in (path, *path.parents[: file.count("/")]) if place.is_symlink()]
    if links:
        raise InputError(
            f"is a link to {links[0].readlink()}; captions are changed in place only where they are",
            file=links[0],
            remedy="Clean into a new folder, or put the file itself in the link's place.",
        )
