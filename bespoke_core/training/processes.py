"""Which process is which: a number alone may be given to another process once its first owner is gone."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

_START = 19
"""The place of the start time in what follows the name in Linux' /proc/<id>/stat; in ticks since boot."""


def launched() -> int:
    """Return how many processes the launcher of this one started for the run; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def is_first() -> bool:
    """Return whether this is the process that writes the run's files, before `parallel.Ranks` exists."""
    return int(os.environ.get("RANK") or 0) == 0


def identity(number: int | None = None) -> str:
    """Return "number:start" of a process, by default this one.

    On Linux the start counts from the machine's boot, so that setting the clock changes nothing.

    Raises:
        ProcessLookupError: there is no such process.
    """
    number = os.getpid() if number is None else number
    try:
        told = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
        return f"{number}:{told.rpartition(')')[2].split()[_START]}"
    except (OSError, IndexError):
        pass  # no Linux, or gone: psutil says which
    try:
        return f"{number}:{psutil.Process(number).create_time():.0f}"
    except psutil.Error:
        raise ProcessLookupError(f"there is no process {number}") from None


def is_there(told: str) -> bool:
    """Return whether the process of an `identity` still runs; a zombie does not."""
    try:
        number = int(told.partition(":")[0])
        return identity(number) == told and psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.Error, ValueError):
        return False


def ancestors() -> frozenset[str]:
    """Return the identities of the processes that started this one, as far as they are there."""
    found = set()
    for parent in psutil.Process().parents():
        try:
            found.add(identity(parent.pid))
        except ProcessLookupError:
            continue
    return frozenset(found)
