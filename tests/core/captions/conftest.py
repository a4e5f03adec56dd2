"""Real disks that are full and real users without rights."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from caption_folders import DIRTY, clean, write_set
from disks import disk_of

if sys.platform != "win32":
    import resource


_NOBODY = 65534


@dataclass(frozen=True)
class FullDisk:
    """A folder, and what makes its disk full: 24 captions of 5,000 bytes fit, twice as many do not."""

    folder: Path
    full: Callable[[], AbstractContextManager[None]]


@pytest.fixture(params=["a small disk", "a limit"])
def full_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FullDisk]:
    """A small disk of its own where this user may make one; and a limit on the length of files."""
    if sys.platform == "win32":
        pytest.skip("Windows has neither")
    folder = tmp_path / "disk"
    if request.param == "a limit":
        folder.mkdir()
        yield FullDisk(folder, _limited)
        return
    with disk_of("256k", folder):
        yield FullDisk(folder, contextlib.nullcontext)


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@dataclass(frozen=True)
class Unprivileged:
    """A folder to work in, and what takes this process' rights away for as long as a block lasts.

    Only the block runs as another user, never what pytest does between a test and its fixtures.
    """

    folder: Path

    @contextlib.contextmanager
    def bound(self) -> Iterator[Path]:
        """Work as a user whom the rights of files bind, where the tests run as root too; yield the folder."""
        if sys.platform == "win32" or os.geteuid() != 0:
            yield self.folder
            return
        os.seteuid(_NOBODY)
        try:
            yield self.folder
        finally:
            os.seteuid(0)


@pytest.fixture
def unprivileged() -> Iterator[Unprivileged]:
    """A folder in which files' rights can be tried out."""
    if sys.platform == "win32":
        pytest.skip("Windows has other rights")
    folder = Path(tempfile.mkdtemp())
    try:
        # Imports whatever cleaning needs, while the installation can be read.
        written = write_set(folder / "first", {"a": DIRTY}, pictures=True)
        clean(written, output=folder / "out", colourless="name")
        clean(written, in_place=True)
        folder.chmod(0o777)
        yield Unprivileged(folder)
    finally:
        for path in folder.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(folder)
