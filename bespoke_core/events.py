"""The event log of long work: append-only JSON lines that another process can follow."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class EventLog:
    """Writes events to a JSON-lines file, one whole line at a time.

    Each line holds at least ``event`` (what happened) and ``time`` (seconds since 1970, UTC). A line that was
    cut off, by a full disk or a kill, is ended first, so that it spoils no other.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        # Without a buffer: what could not be written must not come out later, behind something else.
        self._file = path.open("ab", buffering=0)
        self._torn = _is_torn(path)

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, event: str, **values: Any) -> None:
        """Append one event; `values` must be JSON-able and hold no NaN.

        Raises:
            OSError: the disk is full; the next line will stand by itself all the same.
        """
        line = json.dumps(
            {"event": event, "time": time.time(), **values}, ensure_ascii=False, allow_nan=False
        )
        data = (("\n" if self._torn else "") + line + "\n").encode("utf-8", errors="replace")
        self._torn = True
        while data:
            data = data[self._file.write(data) or 0 :]
        self._torn = False

    def close(self) -> None:
        """Close the file; further writes fail."""
        self._file.close()


def _is_torn(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, 2) == 0:
            return False
        file.seek(-1, 2)
        return file.read() != b"\n"


class EventReader:
    """Follows an event log that another process may still be writing.

    A line without its line end yet is left for the next call, so that no half-written event is ever seen. A
    line that is no event, cut off by a crash, is passed over. A log begun anew is read from its start.
    """

    def __init__(self, path: Path, *, start: int = 0) -> None:
        self.path = path
        self.position = start

    def new(self) -> Iterator[dict[str, Any]]:
        """Yield the events written since the last call; none while the file does not exist."""
        if not self.path.exists():
            return
        with self.path.open("rb") as source:
            if source.seek(0, 2) < self.position:
                self.position = 0
            source.seek(self.position)
            data = source.read()
        end = data.rfind(b"\n") + 1
        self.position += end
        for line in data[:end].splitlines():
            event = _event(line)
            if event is not None:
                yield event


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) and isinstance(told.get("event"), str) else None
