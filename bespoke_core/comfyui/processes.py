"""A child process in a group of its own, and its end with everything that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import Any


def own_group() -> dict[str, Any]:
    """Return Popen's arguments that put a child into a process group of its own."""
    if os.name == "nt":
        return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    return {"start_new_session": True}


def stop_tree(process: subprocess.Popen[bytes], *, grace_s: float) -> None:
    """End a child with all its descendants: an interrupt first, then a termination, then a kill.

    Args:
        process: a child started with `own_group`.
        grace_s: seconds for each of the two polite ways.
    """
    descendants = _descendants(process.pid)
    polite = [signal.SIGTERM] if os.name == "nt" else [signal.SIGINT, signal.SIGTERM]
    for number in polite:
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
    if os.name != "nt":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
    process.wait()
    _end(descendants, grace_s)


def _descendants(pid: int) -> list:
    try:
        import psutil
    except ImportError:  # before the environment exists; the process group covers what it can
        return []
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _end(processes: list, grace_s: float) -> None:
    if not processes:
        return
    import psutil

    for one in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.terminate()
    _, alive = psutil.wait_procs(processes, timeout=grace_s)
    for one in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
