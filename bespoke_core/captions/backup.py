"""Backups of captions changed in place: made before the first change, brought back byte for byte."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import key_of, sha256_of_file, write_bytes, write_json

BACKUP_FOLDER = ".bespoke-backup"
_MANIFEST = "manifest.json"
_RESTORED = "-restored"
_PARTIAL = ".partial-"


@dataclass(frozen=True)
class Restored:
    """What `restore` did.

    Attributes:
        folder: the data set's folder.
        backup: the backup that was used, relative to `folder`.
        files: names of the files that were brought back, in order.
    """

    folder: Path
    backup: str
    files: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"folder": str(self.folder), "backup": self.backup, "files": list(self.files)}


def make_backup(folder: Path, changes: Mapping[str, bytes]) -> Path:
    """Copy the files that are about to change into a new backup, whole or not at all.

    Args:
        folder: the data set's folder.
        changes: the new content by file name; the present content is what is copied.

    Returns:
        the backup's folder, `<folder>/.bespoke-backup/<UTC time>/`, with the copies and a manifest of
        hashes before and after.

    Raises:
        OSError: the folder cannot be written or the disk is full; no backup is left behind.
    """
    root = folder / BACKUP_FOLDER
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S-%f")
    partial, final = root / (_PARTIAL + stamp), root / stamp
    try:
        partial.mkdir(parents=True)
        files = {}
        for name, content in changes.items():
            before = (folder / name).read_bytes()
            write_bytes(partial / name, before)
            files[name] = {"before": _hash(before), "after": _hash(content)}
        write_json(partial / _MANIFEST, {"files": files, "key": key_of(files)})
        partial.rename(final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return final


def restore(folder: str | os.PathLike[str], *, overwrite_edits: bool = False) -> Restored:
    """Bring back the newest backup of a folder; its files are then byte for byte what they were.

    A backup is used once: called again, the one before it is brought back. Files that the backup does not
    hold are left alone.

    Args:
        folder: the data set's folder.
        overwrite_edits: also overwrite files that were changed by someone after the cleaning.

    Raises:
        InputError: there is no backup, it is damaged, or files were changed since; nothing is changed then.
    """
    root = Path(folder)
    backup = _newest(root)
    files = _manifest(backup)
    contents = {}
    edited = []
    for name, hashes in files.items():
        contents[name] = _content(backup, name, hashes["before"])
        now = sha256_of_file(root / name) if (root / name).exists() else None
        if now not in (None, hashes["before"], hashes["after"]):
            edited.append(name)
    if edited and not overwrite_edits:
        raise InputError(
            f"{len(edited)} captions were changed after the cleaning ({', '.join(edited[:5])})",
            file=root,
            remedy="Copy those changes elsewhere, then restore with --overwrite-edits.",
        )
    for name, content in contents.items():
        write_bytes(root / name, content)
    backup.rename(backup.with_name(backup.name + _RESTORED))
    return Restored(root, f"{BACKUP_FOLDER}/{backup.name}", tuple(files))


def undo(folder: Path, backup: Path) -> None:
    """Bring a backup back and remove it: for a change in place that did not get to its end."""
    for name, hashes in _manifest(backup).items():
        write_bytes(folder / name, _content(backup, name, hashes["before"]))
    shutil.rmtree(backup)


def _newest(folder: Path) -> Path:
    root = folder / BACKUP_FOLDER
    found = []
    if root.is_dir():
        found = sorted(
            path.name
            for path in root.iterdir()
            if path.is_dir() and not path.name.startswith(".") and not path.name.endswith(_RESTORED)
        )
    if not found:
        raise InputError(
            "the folder has no backup to bring back",
            file=folder,
            remedy="Choose the folder that was cleaned in place.",
        )
    return root / found[-1]


def _manifest(backup: Path) -> dict[str, dict[str, str]]:
    path = backup / _MANIFEST
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        files = table["files"]
        if table["key"] != key_of(files) or any(Path(name).name != name for name in files):
            raise ValueError("its content does not match its key")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"the backup's list of files is damaged ({error})",
            file=path,
            remedy="Copy the captions back by hand: they lie beside it.",
        ) from None
    return files


def _content(backup: Path, name: str, expected: str) -> bytes:
    path = backup / name
    content = path.read_bytes() if path.is_file() else None
    if content is None or _hash(content) != expected:
        raise InputError(
            "the backup of this caption is missing or damaged",
            file=path,
            remedy="Copy the other captions back by hand.",
        )
    return content


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
