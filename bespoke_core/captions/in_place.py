"""Captions changed in place, all or none.

First every new text is written beside the backup of the old one, where a full disk or a kill does no harm.
Then the backup takes its final name, and the new files are renamed into place, which needs no space. Whoever
is killed between two renames is mended by `backup.restore`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from ..errors import InputError
from ..files import clear_errors, sha256_of_file
from .backup import BACKUP_FOLDER, MANIFEST, NEW, PARTIAL, Entry, read_manifest
from .disk import flush, refuse_links


class Changes:
    """The changes of one cleaning in place, collected in a folder of their own.

    Attributes:
        backup: the folder of the backup once the changes are made; None where there was none.
    """

    def __init__(self, folder: Path) -> None:
        stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S-%f")
        self.backup: Path | None = None
        self._folder = folder
        self._partial = folder / BACKUP_FOLDER / (PARTIAL + stamp)
        self._final = folder / BACKUP_FOLDER / stamp
        self._digest = hashlib.sha256()
        self._entries = 0
        self._made: set[Path] = set()
        self._copied = False

    def add(self, file: str, content: bytes) -> None:
        """Put a file into the backup, and its new content beside it.

        The backup is a second name of the same file, which takes no space and is on the disk already; its
        first name is taken by the new file later. Where disks know no second names it is a copy.

        Raises:
            InputError: the file is a link, or lies in one.
            OSError: the folder cannot be written or the disk is full.
        """
        refuse_links(self._folder, file)
        target, old, new = self._folder / file, self._partial / file, self._partial / NEW / file
        for folder in {old.parent, new.parent} - self._made:
            folder.mkdir(parents=True, exist_ok=True)
            self._made.add(folder)
        try:
            os.link(target, old)
        except OSError:
            shutil.copyfile(target, old)
            self._copied = True
        new.write_bytes(content)
        shutil.copymode(target, new)
        entry = Entry(file, sha256_of_file(old), hashlib.sha256(content).hexdigest())
        line = json.dumps(entry._asdict(), ensure_ascii=False) + "\n"
        self._digest.update(line.encode("utf-8"))
        with (self._partial / MANIFEST).open("a", encoding="utf-8", newline="\n") as manifest:
            manifest.write(line)
        self._entries += 1

    def discard(self) -> None:
        """Remove what was collected; the data set was not touched."""
        shutil.rmtree(self._partial, ignore_errors=True)
        remove_if_empty(self._partial.parent)

    def make(self) -> None:
        """Rename the new files into place; when that fails half-way, the old ones are put back.

        Raises:
            InputError: a caption was changed by someone else meanwhile; nothing is changed.
            OSError: a file cannot be replaced; nothing is changed.
        """
        if not self._entries:
            self.discard()
            return
        with (self._partial / MANIFEST).open("a", encoding="utf-8", newline="\n") as manifest:
            end = {"files": self._entries, "key": self._digest.hexdigest()}
            manifest.write(json.dumps(end) + "\n")
            manifest.flush()
            os.fsync(manifest.fileno())
        # What got a second name is on the disk since long.
        flush(self._partial if self._copied else self._partial / NEW)
        self._partial.rename(self._final)
        try:
            for entry in read_manifest(self._final):
                self._replace(entry)
        except BaseException:
            self._undo()
            raise
        shutil.rmtree(self._final / NEW)
        self.backup = self._final

    def _replace(self, entry: Entry) -> None:
        target = self._folder / entry.file
        if sha256_of_file(target) != entry.before:
            raise InputError(
                "was changed by someone else during the cleaning; nothing was cleaned",
                file=target,
                remedy="Clean again.",
            )
        (self._final / NEW / entry.file).replace(target)

    def _undo(self) -> None:
        """Put the old files back where new ones are; renaming needs no space, should the disk be full."""
        try:
            for entry in read_manifest(self._final):
                if not (self._final / NEW / entry.file).exists():
                    (self._final / entry.file).replace(self._folder / entry.file)
        except OSError as error:
            raise InputError(
                f"cannot be written ({error.strerror or error}), and some captions are changed already",
                file=self._folder,
                remedy="Make the folder writable, then bring them back with `bespoke restore`.",
            ) from error
        shutil.rmtree(self._final)
        remove_if_empty(self._final.parent)


@contextmanager
def changed_in_place(folder: Path) -> Iterator[Changes]:
    """Yield the changes to collect, and make them when the block ends; on any exception nothing is changed.

    The backup is in `<folder>/.bespoke-backup/<UTC time>/`: copies, and a list with hashes before and after.

    Raises:
        InputError: the folder cannot be written, the disk is full, a caption that changes is a link.
    """
    refuse_links(folder, BACKUP_FOLDER)
    changes = Changes(folder)
    with clear_errors(folder):
        try:
            yield changes
            changes.make()
        except BaseException:
            changes.discard()
            raise


def remove_if_empty(root: Path) -> None:
    """Remove the folder of all backups where it holds none."""
    if root.is_dir() and not any(root.iterdir()):
        root.rmdir()
