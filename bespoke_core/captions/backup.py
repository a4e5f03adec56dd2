"""Backups of captions that were changed in place: their lists of files, and bringing one back whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import InputError
from ..files import clear_errors, sha256_of_file
from .disk import flush, refuse_links, temporary_beside

BACKUP_FOLDER = ".bespoke-backup"
MANIFEST = "manifest.jsonl"
NEW = ".new"
"""The folder in a backup with the new files that were not put in place yet."""
PARTIAL = ".partial-"
_RESTORED = "-restored"
_NEVER = set("\0") | (set("\\:") if os.name == "nt" else set())


class Entry(NamedTuple):
    """One file of a backup: its name relative to the data set's folder, and SHA-256 before and after."""

    file: str
    before: str
    after: str


@dataclass(frozen=True)
class Restored:
    """What `restore` did.

    Attributes:
        folder: the data set's folder.
        backup: the backup that was used, relative to `folder`.
        files: relative names of the files that were brought back, in order.
    """

    folder: Path
    backup: str
    files: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"folder": str(self.folder), "backup": self.backup, "files": list(self.files)}


def restore(folder: str | os.PathLike[str], *, overwrite_edits: bool = False) -> Restored:
    """Bring back the newest backup of a folder; its files are then byte for byte what they were.

    A backup is used once: called again, the one before it is brought back. Files that the backup does not
    hold are left alone. A cleaning that was killed half-way is brought back the same way, and so is a
    `restore` that was.

    Args:
        folder: the data set's folder.
        overwrite_edits: also overwrite files that were changed by someone after the cleaning.

    Raises:
        InputError: there is no such folder or no backup, it is damaged, files were changed since, or one
            would be written through a link; nothing is changed then. Or the folder cannot be written; then
            it can be called again.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError("there is no such folder", file=root, remedy="Check the path.")
    refuse_links(root, BACKUP_FOLDER)
    backup = _newest(root)
    files = []
    edited = []
    for entry in read_manifest(backup):
        refuse_links(root, entry.file)
        files.append(entry.file)
        now = _hash(root / entry.file)
        if now == entry.before or _is_same(backup / entry.file, root / entry.file):
            continue
        _refuse_damaged(backup, entry)
        if now not in (None, entry.after):
            edited.append(entry.file)
    if edited and not overwrite_edits:
        raise InputError(
            f"{len(edited)} of the captions changed after the cleaning ({', '.join(edited[:5])})",
            file=root,
            remedy="Copy those changes elsewhere, then restore with overwrite_edits (--overwrite-edits).",
        )
    with clear_errors(root, "restore again to go on"):
        for entry in read_manifest(backup):
            same = _is_same(backup / entry.file, root / entry.file)
            if not same and _hash(root / entry.file) != entry.before:
                _put_back(backup / entry.file, root / entry.file)
        flush(backup)
        shutil.rmtree(backup / NEW, ignore_errors=True)
        backup.rename(backup.with_name(backup.name + _RESTORED))
    return Restored(root, f"{BACKUP_FOLDER}/{backup.name}", tuple(files))


def _put_back(copy: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    temporary = temporary_beside(target)
    try:
        shutil.copyfile(copy, temporary)
        shutil.copymode(target if target.exists() else copy, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _newest(folder: Path) -> Path:
    root = folder / BACKUP_FOLDER
    names = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    found = [name for name in names if not name.startswith(".") and not name.endswith(_RESTORED)]
    if not found:
        stopped = any(name.startswith(PARTIAL) for name in names)
        why = "; a cleaning was stopped, but before it changed anything" if stopped else ""
        raise InputError(
            f"the folder has no backup to bring back{why}",
            file=folder,
            remedy="Choose the folder that was cleaned in place.",
        )
    return root / found[-1]


def _refuse_damaged(backup: Path, entry: Entry) -> None:
    if _hash(backup / entry.file) != entry.before:
        raise InputError(
            "the backup of this caption is missing or damaged",
            file=backup / entry.file,
            remedy="Copy the other captions back by hand.",
        )


def _is_same(copy: Path, target: Path) -> bool:
    """Return whether both are names of one file: then a cleaning that was killed never came to it."""
    return copy.exists() and target.exists() and copy.samefile(target)


def _hash(path: Path) -> str | None:
    return sha256_of_file(path) if path.is_file() else None


def read_manifest(backup: Path) -> Iterator[Entry]:
    """Yield the files of a backup, one by one; whether the list is whole is known at its end.

    Raises:
        InputError: the list is damaged, or names a file outside of the data set's folder.
    """
    path = backup / MANIFEST
    digest = hashlib.sha256()
    entries = 0
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                table = json.loads(line)
                if "key" in table:
                    if (table["files"], table["key"]) != (entries, digest.hexdigest()):
                        raise ValueError("its content does not match its key")
                    return
                digest.update(line.encode("utf-8"))
                entries += 1
                yield _entry(table)
        raise ValueError("its end is missing")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"the backup's list of files is damaged ({error})",
            file=path,
            remedy="Copy the captions back by hand: they lie beside it.",
        ) from None


def _entry(table: dict[str, Any]) -> Entry:
    """A line of the list, its name checked: a file, in the folder or one below it, that is not hidden."""
    entry = Entry(str(table["file"]), str(table["before"]), str(table["after"]))
    parts = entry.file.split("/")
    odd = any(not part or part.startswith(".") or set(part) & _NEVER for part in parts)
    if odd or len(parts) > 2:
        raise ValueError(f"{entry.file!r} is no caption of this folder")
    return entry
