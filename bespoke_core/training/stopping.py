"""How a run is asked to stop: by a signal, or by the loss of the process that started it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .processes import identity, is_there, launched

PARENT_VARIABLE = "BESPOKE_PARENT"
"""Set for a child process: its starter's `identity`. When that process is gone, the child stops."""
_WATCH_SECONDS = 0.5
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class StopRequest:
    """Whether the run should stop, and why."""

    def __init__(self) -> None:
        self.reason = ""

    def __call__(self) -> bool:
        """Return whether the run should stop."""
        return bool(self.reason)

    def ask(self, reason: str) -> None:
        """Ask the run to stop after the batch that is under way."""
        self.reason = self.reason or reason


@contextmanager
def heeding(stop: StopRequest) -> Iterator[None]:
    """Ask `stop` inside the block when a stopping signal arrives or the starting process is gone."""
    with _signals(stop), _starter_watched(stop):
        yield


@contextmanager
def _signals(stop: StopRequest) -> Iterator[None]:
    """Let the stopping signals ask instead of kill; outside the main thread none can be caught."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if stop():  # asked a second time: at once, without saving
            raise KeyboardInterrupt
        stop.ask(signal.Signals(number).name)

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    former = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def _starter_watched(stop: StopRequest) -> Iterator[None]:
    """Ask the run to stop when the process that started it is gone."""
    watched = [told] if (told := os.environ.get(PARENT_VARIABLE, "")) else []
    if launched() > 1:
        watched += _launcher()  # which ends its processes itself, unless it is killed
    if not watched:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_WATCH_SECONDS):
            if not all(is_there(one) for one in watched):
                stop.ask("the process that started the run is gone")
                return

    thread = threading.Thread(target=watch, name="starter watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _launcher() -> list[str]:
    try:
        return [identity(os.getppid())]
    except ProcessLookupError:
        return []
