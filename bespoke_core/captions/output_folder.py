"""An output folder that appears whole or not at all, and is replaced only when it is known to be ours."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from ..errors import InputError
from ..files import sha256_of_file, whole_folder, write_bytes, write_json

MARKER = ".bespoke-clean.json"


def check_output(output: Path, source: Path) -> None:
    """Refuse an output folder that overlaps the source or that holds anything which is not ours.

    A folder is ours when its marker names the same source. One that does not exist, or is empty, is fine.

    Raises:
        InputError: the folder cannot be used; nothing has been written.
    """
    real_output, real_source = output.resolve(), source.resolve()
    if real_output == real_source or real_output in real_source.parents:
        raise InputError(
            "the output folder is, or holds, the folder that is cleaned",
            field="output",
            value=str(output),
            remedy="Choose a new folder, or clean in place.",
        )
    if not output.exists():
        return
    if not output.is_dir():
        raise InputError("is a file", field="output", value=str(output), remedy="Choose a new folder.")
    present = sorted(path.name for path in output.iterdir())
    if not present:
        return
    marker = _read_marker(output)
    if marker is None or marker["source"] != _source_name(output, source):
        raise InputError(
            f"the folder already holds other files ({', '.join(present[:3])})",
            field="output",
            value=str(output),
            remedy="Choose a new or empty folder.",
        )


def write_output(
    output: Path, source: Path, texts: Mapping[str, bytes], pictures: Mapping[str, Path]
) -> bool:
    """Write captions and copy pictures into `output`, checked by `check_output` before.

    Everything is written into a temporary folder beside it, which is then renamed.

    Returns:
        False when the folder held all this already and nothing was written; files that others put beside
        it do not matter then.

    Raises:
        InputError: the folder was made by an earlier cleaning, has to be replaced, and holds files that
            were added or changed since; nothing has been written.
        OSError: the disk is full or the place cannot be written; `output` is as it was.
    """
    output = output.absolute()
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in texts.items()}
    hashes |= {name: sha256_of_file(path) for name, path in pictures.items()}
    marker = {"source": _source_name(output, source), "files": hashes}
    if _is_current(output, marker):
        return False
    with whole_folder(output) as fresh:
        for name, content in texts.items():
            write_bytes(fresh / name, content)
        for name, path in pictures.items():
            shutil.copyfile(path, fresh / name)
        write_json(fresh / MARKER, marker)
    return True


def _source_name(output: Path, source: Path) -> str:
    """The source as seen from the output, so that a moved pair of folders still belongs together."""
    try:
        return Path(os.path.relpath(source.resolve(), output.resolve())).as_posix()
    except ValueError:  # two Windows drives
        return source.resolve().as_posix()


def _read_marker(output: Path) -> dict | None:
    try:
        marker = json.loads((output / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no marker, or not ours: the same answer
        return None
    shaped = isinstance(marker, dict) and isinstance(marker.get("files"), dict) and "source" in marker
    return marker if shaped else None


def _is_ours(path: Path, files: Mapping[str, str]) -> bool:
    return path.is_file() and files.get(path.name) == sha256_of_file(path)


def _is_current(output: Path, marker: dict) -> bool:
    """Return whether the folder holds just what is to be written; refuse to replace other people's files."""
    former = _read_marker(output) if output.exists() else None
    if former is None:
        return False
    if former == marker and all(_is_ours(output / name, marker["files"]) for name in marker["files"]):
        return True
    names = sorted(path.name for path in output.iterdir() if path.name != MARKER)
    strange = [name for name in names if not _is_ours(output / name, former["files"])]
    if strange:
        raise InputError(
            f"the folder was made by cleaning, but {strange[0]} was added or changed since",
            field="output",
            value=str(output),
            remedy="Choose another folder, or move those files away.",
        )
    return False
