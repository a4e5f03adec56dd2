"""A training run in a child process: followed through its event log, cancelled, its files checked."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from typing import Any

import psutil

from ..errors import UserCancelledError
from ..events import EventReader
from .errors import TrainingError
from .kohya_file import is_whole
from .manifest import TrainingResult, expected, read_manifest, remove_leavings, write_manifest
from .plan import TrainingPlan
from .state_header import STATE_FILE
from .work import EVENTS_FILE

LOG_FILE = "log.txt"
LOG_LINES = 20
_CANCELLED = 130


class TrainingProcess:
    """A training run in a child process.

    Attributes:
        run_folder: where its files go.
        plan: what it trains; `plan.epochs` and `plan.steps` are known from the start.
        pid: the child's process id.
    """

    def __init__(self, process: subprocess.Popen[bytes], plan: TrainingPlan, start: int) -> None:
        self.plan = plan
        self.run_folder = plan.run_folder
        self.pid = process.pid
        self._process = process
        self._events = EventReader(plan.run_folder / EVENTS_FILE, start=start)
        self._cancelled = False

    @property
    def running(self) -> bool:
        """Whether the child is still there."""
        return self._process.poll() is None

    def poll(self) -> list[dict[str, Any]]:
        """Return the events since the last call."""
        return list(self._events.new())

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the child's end, at most `timeout_s` seconds; return whether it has ended."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def cancel(self, grace_s: float = 1.5) -> None:
        """Ask the child to save and stop; after `grace_s` seconds end it and its children.

        Files that were finished stay; half-written ones are removed. Returns when the child is gone.
        """
        self._cancelled = True
        if self.running:
            children = _children(self.pid)
            self._process.send_signal(
                signal.SIGTERM if os.name != "nt" else getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM)
            )
            if not self.wait(grace_s):
                _kill([*children, *_children(self.pid)])
                self._process.kill()
                self._process.wait()
            _kill(children)
        if not self.run_folder.is_dir():
            return
        remove_leavings([self.run_folder, (self.run_folder / STATE_FILE).parent])
        told = read_manifest(self.run_folder) or {}
        if told.get("status") in {"starting", "running"}:  # it was ended before it could write this itself
            write_manifest(self.plan, "cancelled", reason="cancelled")

    def finish(self) -> TrainingResult:
        """Wait for the end and return the run's files after opening each.

        Raises:
            UserCancelledError: the run was cancelled.
            TrainingError: it failed; the text ends with the log's last lines.
        """
        code = self._process.wait()
        told = read_manifest(self.run_folder) or {}
        if self._cancelled or code == _CANCELLED or (code and told.get("status") == "cancelled"):
            raise UserCancelledError(f"training was cancelled; what is finished is in {self.run_folder}")
        if code != 0:
            reason = f" {told['reason']}" if told.get("status") == "failed" and told.get("reason") else ""
            raise TrainingError(self._failure(f"Training ended with code {code}.{reason}"))
        names = expected(self.plan, told.get("stopped_early"))
        broken = [name for name in names if not is_whole(self.run_folder / name)]
        if broken:
            raise TrainingError(self._failure(f"Training ended without {', '.join(broken)}."))
        return TrainingResult(self.run_folder, tuple(self.run_folder / name for name in names))

    def _failure(self, what: str) -> str:
        log = self.run_folder / LOG_FILE
        if not log.is_file():
            return f"{what} Its folder {self.run_folder} is no longer there."
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join([f"{what} The last lines of {log}:", *lines])


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=1)
