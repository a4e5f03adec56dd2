"""One run folder, one run: who trains in a folder is written down there, and two can never both be written.

The file `run.lock` names the owner. It is read and written under the system's own lock, which ends with the
process that holds it, so nothing is left behind by a kill; an owner that is gone counts as none.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError
from .processes import ancestors, identity, is_there

LOCK_FILE = "run.lock"
_PATIENCE_SECONDS = 10.0
_RENEW_SECONDS = 30.0
_STALE_SECONDS = 120.0
"""An owner on another machine that has not renewed its claim for so long is taken for gone."""


def claim(run_folder: Path, owner: str | None = None) -> None:
    """Make a process the owner of an existing run folder.

    A folder that an ancestor of this process owns passes on to it: the one that started it made it ready.

    Args:
        run_folder: the folder.
        owner: a process's `identity`; this one's by default.

    Raises:
        InputError: another process trains there.
    """
    with _locked(run_folder / LOCK_FILE) as file:
        holder = _holder(file)
        if holder and holder not in {identity(), owner} and holder not in ancestors():
            raise occupied(run_folder, holder, _told(file).get("machine", ""))
        _write(file, owner or identity())


def occupied(run_folder: Path, owner: str, machine: str = "") -> InputError:
    """Return the error of a folder in which another process trains, on `machine` or the one in its file."""
    if not machine:
        with (run_folder / LOCK_FILE).open("rb") as file:
            machine = str(_told(file).get("machine", ""))
    process, elsewhere = owner.partition(":")[0], machine not in {"", _machine()}
    return InputError(
        f"process {process}{' on ' + machine.partition(':')[0] if elsewhere else ''} is training there",
        file=run_folder,
        remedy="Wait for it, stop it, or use another output_name."
        + (f" Once it is gone, its claim ends within {_STALE_SECONDS:.0f} seconds." if elsewhere else ""),
    )


def keeps(run_folder: Path) -> bool:
    """Return whether the folder is still this process's after `claim`; False too when the folder is gone.

    It can be lost to another machine that shares the folder, while this one slept.
    """
    path = run_folder / LOCK_FILE
    if not path.is_file():
        return run_folder.is_dir()  # no claim at all: nobody else has it
    with path.open("rb") as file:
        told = _told(file)
    return told.get("owner") == identity() and told.get("machine") == _machine()


def pass_on(run_folder: Path, owner: str) -> None:
    """Make `owner` hold the claim that this process holds; if it has passed on already, leave it so."""
    with _locked(run_folder / LOCK_FILE) as file:
        if _holder(file) == identity():
            _write(file, owner)


def release(run_folder: Path) -> None:
    """Give this process's claim up, if it has it; without a folder there is none."""
    if not run_folder.is_dir():
        return
    with _locked(run_folder / LOCK_FILE) as file:
        if _holder(file) == identity():
            file.truncate(0)


@contextmanager
def held(run_folder: Path) -> Iterator[None]:
    """Keep this process's claim inside the block, and show machines that share the folder that it lives."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(_RENEW_SECONDS):
            try:
                if keeps(run_folder):
                    os.utime(run_folder / LOCK_FILE)
            except OSError:
                continue  # out of reach for a moment, or removed; the next file of the run finds out

    thread = threading.Thread(target=renew, name="claim", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        release(run_folder)


def owner_of(run_folder: Path) -> str:
    """Return the `identity` of the process that trains in a folder right now; empty without one."""
    path = run_folder / LOCK_FILE
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return _holder(file)


def _holder(file: BinaryIO) -> str:
    """Return the living owner that the file names, or an empty text."""
    told = _told(file)
    owner = str(told.get("owner", ""))
    if not owner:
        return ""
    if told.get("machine") != _machine():
        renewed = os.fstat(file.fileno()).st_mtime
        return owner if abs(time.time() - renewed) < _STALE_SECONDS else ""
    return owner if is_there(owner) else ""


def _told(file: BinaryIO) -> dict[str, Any]:
    """Return what the file says; nothing where a crash of the machine has cut it off: its writer is gone."""
    file.seek(0)
    try:
        told = json.loads(file.read() or b"{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _write(file: BinaryIO, owner: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(json.dumps({"owner": owner, "machine": _machine()}).encode("utf-8"))
    file.flush()
    os.fsync(file.fileno())


def _machine() -> str:
    """Name this machine since its last start; a restarted one is another, and so is a container.

    Containers may share a name and a kernel: which process a number means is a matter of their namespaces.
    """
    boot, numbers = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    parts = [boot.read_text(encoding="ascii").strip() if boot.is_file() else ""]
    if numbers.exists():
        parts.append(str(numbers.readlink()))
    return ":".join([socket.gethostname(), *parts])


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """Open the file for this process alone; others wait for the few milliseconds that it takes."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(descriptor, "r+b") as file:
        _lock(file)
        try:
            yield file
        finally:
            file.flush()
            _unlock(file)


if os.name == "nt":  # pragma: no cover
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            file.seek(1 << 30)  # a byte far behind the content, which others may read meanwhile
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def _unlock(file: BinaryIO) -> None:
        file.seek(1 << 30)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore]

else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def _unlock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
