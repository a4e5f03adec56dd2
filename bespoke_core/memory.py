"""How much memory there is for a piece of work, told before the work and not after."""

from __future__ import annotations

from pathlib import Path

from .errors import InputError

_CONTAINER = Path("/sys/fs/cgroup")
_CLOSE = "Close other programs, or use a machine with more memory."


def available_memory() -> int | None:
    """Return the bytes that new work can have without swapping; None where nothing tells.

    That is what the system calls available (psutil, else Linux' own file), or what a container leaves of its
    limit when that is less.
    """
    found = [bytes_ for bytes_ in (_of_machine(), _of_container(_CONTAINER)) if bytes_ is not None]
    return min(found, default=None)


def require_memory(needed: int, what: str, *, remedy: str = _CLOSE, available: int | None = None) -> None:
    """Refuse work that needs more memory than there is; where nothing tells, it may try.

    Args:
        needed: bytes that the work takes at its peak.
        what: the work, as a subject ("the demo").
        remedy: what to do, as a sentence.
        available: bytes that there are; measured by default.

    Raises:
        InputError: there is less; the text has both numbers.
    """
    there = available_memory() if available is None else available
    if there is not None and there < needed:
        raise InputError(
            f"{what} needs about {needed / 1e9:.1f} GB of memory and {there / 1e9:.1f} GB are available",
            remedy=remedy,
        )


def _of_machine() -> int | None:
    try:
        import psutil
    except ModuleNotFoundError:  # before the set-up there is only the standard library
        return _of_linux(Path("/proc/meminfo"))
    return int(psutil.virtual_memory().available)


def _of_linux(path: Path) -> int | None:
    if not path.is_file():
        return None
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * 1024
    return None


def _of_container(folder: Path) -> int | None:
    """Return what a Linux container may still take; cached files count as free, as they give way."""
    try:
        limit = (folder / "memory.max").read_text(encoding="utf-8").strip()
        used = int((folder / "memory.current").read_text(encoding="utf-8"))
        told = (folder / "memory.stat").read_text(encoding="utf-8").splitlines()
    except OSError:  # no container with a limit of its own
        return None
    if limit == "max":
        return None
    kept = {name: int(value) for name, _, value in (line.partition(" ") for line in told)}
    return max(0, int(limit) - used + kept.get("inactive_file", 0))
