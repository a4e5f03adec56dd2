"""An output folder that appears whole or not at all, and is replaced only when it is known to be ours."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from ..files import clear_errors, sha256_of_file, whole_folder, write_json
from .disk import flush

MARKER = ".bespoke-clean.json"


class OutputFolder:
    """A folder that is being filled, with the hashes of what is in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.hashes: dict[str, str] = {}

    def add_text(self, file: str, content: bytes) -> None:
        """Write a file; its relative name may have one sub-folder."""
        self._place(file).write_bytes(content)
        self.hashes[file] = hashlib.sha256(content).hexdigest()

    def add_picture(self, file: str, source: Path) -> None:
        """Copy a file.

        Raises:
            InputError: it cannot be read.
        """
        place = self._place(file)
        try:
            self.hashes[file] = sha256_of_file(source)
        except OSError as error:
            raise InputError(
                f"cannot be read ({error.strerror or error})", file=source, remedy="Check its rights."
            ) from None
        shutil.copyfile(source, place)

    def _place(self, file: str) -> Path:
        path = self._folder / file
        if "/" in file:
            path.parent.mkdir(exist_ok=True)
        return path


@contextmanager
def output_folder(output: Path, source: Path) -> Iterator[OutputFolder]:
    """Yield a temporary folder beside `output` to fill; it takes the place of `output` when the block ends.

    An output folder that holds all this already is left as it is; files that others put beside it do not
    matter then. A folder is ours to replace when its marker names the same source and every file in it is
    one that we wrote.

    Args:
        output: one that does not exist, is empty, or is ours.
        source: the data set's folder.

    Raises:
        InputError: the output overlaps the source; it holds files that are not ours, or that were added or
            changed since; the place cannot be written or the disk is full. `output` is as it was.
    """
    check_output(output, source)
    output = output.absolute()
    with clear_errors(output), _unless_current(output) as fresh:
        folder = OutputFolder(fresh)
        yield folder
        marker = {"source": _source_name(output, source), "files": folder.hashes}
        if _is_current(output, marker):
            raise _CurrentError
        write_json(fresh / MARKER, marker)
        flush(fresh)


class _CurrentError(Exception):
    """The output folder holds all this already."""


@contextmanager
def _unless_current(output: Path) -> Iterator[Path]:
    try:
        with whole_folder(output) as fresh:
            yield fresh
    except _CurrentError:
        return


def check_output(output: Path, source: Path) -> None:
    """Refuse an output folder that overlaps the source or that holds anything which is not ours.

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


def _is_ours(output: Path, file: str, files: Mapping[str, str]) -> bool:
    path = output / file
    return path.is_file() and files.get(file) == sha256_of_file(path)


def _is_current(output: Path, marker: dict) -> bool:
    """Return whether the folder holds just what is to be written; refuse to replace other people's files."""
    former = _read_marker(output) if output.exists() else None
    if former is None:
        return False
    if former == marker and all(_is_ours(output, file, marker["files"]) for file in marker["files"]):
        return True
    names = sorted(_files_below(output))
    strange = [name for name in names if name != MARKER and not _is_ours(output, name, former["files"])]
    if strange:
        raise InputError(
            f"the folder was made by cleaning, but {strange[0]} was added or changed since",
            field="output",
            value=str(output),
            remedy="Choose another folder, or move those files away.",
        )
    return False


def _files_below(folder: Path) -> Iterator[str]:
    """The relative names of all that is not a folder, links among them."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_dir():
            yield path.relative_to(folder).as_posix()
