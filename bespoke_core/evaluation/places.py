"""Where a sweep's files lie."""

from __future__ import annotations

import os
from pathlib import Path

from .results import STORE_NAME, ResultsStore


def store_of(root: Path) -> ResultsStore:
    """Return the store of a sweep's folder: its own, one at most two folders above, or a new one."""
    for folder in (root, *root.absolute().parents[:2]):
        if (folder / STORE_NAME).is_file():
            return ResultsStore(folder / STORE_NAME)
    return ResultsStore(root / STORE_NAME)


def relative_place(root: Path, above: Path) -> str:
    """Return a folder relative to one above it, or whole where it lies elsewhere; forward slashes."""
    inside, outside = os.path.realpath(root), os.path.realpath(above)
    if os.path.commonpath([inside, outside]) == outside:
        return Path(inside).relative_to(outside).as_posix()
    return Path(inside).as_posix()
