"""How `bespoke train` and `resume` tell people of a run while it goes on."""

from __future__ import annotations

import os
import sys
import time
from typing import Any


class Progress:
    """Prints a run's events for people: every file, epoch and score, and at most one step a second.

    On a terminal the steps stay on one line. Why a run failed comes as the error itself.
    """

    def __init__(self, *, quiet: bool) -> None:
        from ..training.progress import RunProgress

        self._quiet = quiet
        self._run = RunProgress()
        self._last = 0.0
        self._on_one_line = not quiet and sys.stdout.isatty()
        self._open_line = False

    def __call__(self, event: dict[str, Any]) -> None:
        """Print the event, if it is one that people want to see; a run outlives whoever reads it."""
        self._run.add({"time": time.time(), **event})
        if self._quiet:
            return
        try:
            self._print(event)
        except OSError:
            # The terminal or the pipe is gone; the run and its log are not, and a signal stops it.
            _print_nowhere()

    def _print(self, event: dict[str, Any]) -> None:
        from ..training.wording import describe_event

        if event["event"] in {"step", "caching", "sampling"}:
            self._counted(
                self._run, final=event.get("done", event.get("step")) in (event.get("of"), self._run.steps)
            )
        elif event["event"] != "failed" and (text := describe_event(event)):
            self._line(f"note: {text}" if event["event"] == "notice" else text)

    def _counted(self, run: Any, *, final: bool) -> None:
        now = time.monotonic()
        if now - self._last < 1 and not final:
            return
        self._last = now
        if self._on_one_line:
            print(f"\r\x1b[K{run.line()}", end="", flush=True)
            self._open_line = True
        else:
            print(run.line(), flush=True)

    def _line(self, text: str) -> None:
        if self._open_line:
            print()
            self._open_line = False
        print(text, flush=True)


def _print_nowhere() -> None:
    """Send standard output nowhere from here on; what lies in its buffer would fail again at every print."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
