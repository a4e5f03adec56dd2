"""The event log of long work: append-only JSON lines that another process can follow."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class EventLog:
    """Writes events to a JSON-lines file, one whole line at a time.

    Each line holds at least ``event`` (what happened) and ``time`` (seconds since 1970, UTC).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")

    def write(self, event: str, **values: Any) -> None:
        """Append one event; `values` must be JSON-able and hold no NaN."""
        line = json.dumps(
            {"event": event, "time": time.time(), **values}, ensure_ascii=False, allow_nan=False
        )
        self._file.write(line + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; further writes fail."""
        self._file.close()


class EventReader:
    """Follows an event log that another process may still be writing.

    A line without its line end yet is left for the next call, so that no half-written event is ever seen.
    """

    def __init__(self, path: Path, *, start: int = 0) -> None:
        self.path = path
        self.position = start

    def new(self) -> Iterator[dict[str, Any]]:
        """Yield the events written since the last call; none while the file does not exist."""
        if not self.path.exists():
            return
        with self.path.open("rb") as source:
            source.seek(self.position)
            data = source.read()
        end = data.rfind(b"\n") + 1
        self.position += end
        for line in data[:end].splitlines():
            yield json.loads(line)
