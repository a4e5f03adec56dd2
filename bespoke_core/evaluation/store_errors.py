"""Why the store of results, or a sweep's folder, cannot be read or written, in words with a remedy."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import BespokeError, InputError

WAIT_S = 60.0
"""How long another writer is waited for."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_KEPT = "What is finished is kept."


class StoreError(BespokeError):
    """The store or its folder cannot be written: the disk is full, read-only, or gives no locks."""


@contextmanager
def clear_errors(path: Path) -> Iterator[None]:
    """Turn a failure to write below a folder into an error for people.

    Raises:
        StoreError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in _FULL
        remedy = "Free some space and queue the sweep again." if full else "Check the folder and its disk."
        raise StoreError(
            f"{path}: cannot be written ({error.strerror or error}). {_KEPT} {remedy}"
        ) from error


def explained(error: sqlite3.Error, path: Path) -> BespokeError:
    """Return what an error of SQLite means for a store."""
    text = str(error)
    if "full" in text:
        return StoreError(f"{path}: the disk is full. {_KEPT} Free some space and queue the sweep again.")
    if "not a database" in text or "malformed" in text:
        return InputError(
            f"is damaged ({text})",
            file=path,
            remedy="Move it away: the sweeps' pictures say themselves what they are, and are taken up and "
            "scored again without being drawn again.",
        )
    if "locked" in text or "locking" in text:
        return StoreError(
            f"{path}: another program held the store for {WAIT_S:g} s, or the drive gives no locks. {_KEPT} "
            "Queue the sweep again, or put ComfyUI's output folder on a local disk."
        )
    return StoreError(f"{path}: cannot be read or written ({text}). {_KEPT} Check the folder and its disk.")
