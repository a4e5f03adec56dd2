"""The one place that decides which paths may be read and written.

A ComfyUI server is often reachable by others, so a node turns every path that it is given into a real path
through `Roots`. The command line runs with its user's own rights and does not restrict paths.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")
_REMEDY = (
    "Use a path under ComfyUI's input, output, models or temp folder, or let the server's owner list the "
    "folder in bespoke.toml in ComfyUI's user folder."
)


def contained(root: str | os.PathLike[str], path: str | os.PathLike[str]) -> bool:
    """Return whether `path`, with every link followed, lies in `root` or is `root`."""
    real_root, real_path = os.path.realpath(root), os.path.realpath(path)
    try:
        return os.path.commonpath([real_root, real_path]) == real_root
    except ValueError:  # two Windows drives
        return False


def portable(text: str) -> str:
    """Return a path as typed by a user with forward slashes and without surrounding blanks or quotes.

    Raises:
        InputError: the text is empty, holds a NUL, or is a Windows drive path on another system.
    """
    cleaned = text.strip().strip('"').strip()
    if not cleaned:
        raise InputError("the path is empty", field="path", value=text, remedy="Give a folder or file name.")
    if "\0" in cleaned:
        raise InputError("the path holds a NUL", field="path", value=text, remedy="Remove the character.")
    if os.name != "nt" and _DRIVE.match(cleaned):
        raise InputError(
            "this is a Windows path and the server does not run on Windows",
            field="path",
            value=text,
            remedy="Give the path as the server sees it.",
        )
    return cleaned.replace("\\", "/")


@dataclass(frozen=True)
class Roots:
    """The folders that may be read and those that may be written.

    Attributes:
        read: folders whose content may be read; a relative path is looked up in them in this order.
        write: folders in which files may be made; the first is where relative output paths go.
    """

    read: tuple[Path, ...]
    write: tuple[Path, ...]

    def with_config(self, config: Path) -> Roots:
        """Return these roots plus those of the owner's `config`; itself when there is no such file.

        The file is TOML: ``[paths]`` with ``read = [...]`` and ``write = [...]``, absolute folders.
        A folder that may be written may be read.

        Raises:
            InputError: the file is not valid, or names a folder that is not absolute.
        """
        if not config.is_file():
            return self
        try:
            table = tomllib.loads(config.read_text(encoding="utf-8")).get("paths", {})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"is not valid TOML ({error})", file=config, remedy="Mend the file.") from None
        extra: dict[str, tuple[Path, ...]] = {}
        for key in ("read", "write"):
            folders = table.get(key, [])
            if not isinstance(folders, list) or not all(isinstance(f, str) for f in folders):
                raise InputError(
                    "must be a list of folders",
                    file=config,
                    field=f"paths.{key}",
                    value=folders,
                    remedy='Write it as ["/one/folder", "/another"].',
                )
            for folder in folders:
                if not Path(folder).is_absolute():
                    raise InputError(
                        "is not an absolute folder",
                        file=config,
                        field=f"paths.{key}",
                        value=folder,
                        remedy="Write the whole path.",
                    )
            extra[key] = tuple(Path(folder) for folder in folders)
        return Roots((*self.read, *extra["write"], *extra["read"]), (*self.write, *extra["write"]))

    def readable(self, text: str, *, field: str = "path", suffixes: Sequence[str] | None = None) -> Path:
        """Turn a path given by a user into an existing path that may be read.

        Args:
            text: absolute, or relative to one of the read roots; either slash separates.
            field: the input's name, for the error.
            suffixes: allowed endings in lower case with the dot; None allows any, folders too.

        Raises:
            InputError: outside the roots, absent, or of another ending.
        """
        path = self._find(portable(text), self.read, field, text)
        if not path.exists():
            raise InputError(
                "there is no such file or folder",
                field=field,
                value=text,
                remedy="Look for it under: " + ", ".join(str(root) for root in self.read) + ".",
            )
        _check_suffix(path, suffixes, field, text)
        return path

    def writable(self, text: str, *, field: str = "path", suffixes: Sequence[str] | None = None) -> Path:
        """Turn a path given by a user into one that may be made; it need not exist yet.

        Raises:
            InputError: outside the write roots, or of another ending than `suffixes`.
        """
        path = self._find(portable(text), self.write, field, text)
        _check_suffix(path, suffixes, field, text)
        return path

    def relative(self, path: Path) -> str:
        """Return `path` with forward slashes, relative to the root that holds it where one does."""
        for root in (*self.write, *self.read):
            if contained(root, path):
                return Path(os.path.realpath(path)).relative_to(os.path.realpath(root)).as_posix()
        return path.as_posix()

    def _find(self, cleaned: str, roots: Iterable[Path], field: str, text: str) -> Path:
        roots = tuple(roots)
        if Path(cleaned).is_absolute():
            candidates = [Path(cleaned)]
        elif ".." in PurePosixPath(cleaned).parts:
            raise InputError("leaves the allowed folders", field=field, value=text, remedy=_REMEDY)
        else:
            candidates = [root / cleaned for root in roots]
        # The first that exists is the one that is meant, also when a link leads it out of its root.
        chosen = next((path for path in candidates if path.exists()), candidates[0])
        if not any(contained(root, chosen) for root in roots):
            raise InputError("leaves the allowed folders", field=field, value=text, remedy=_REMEDY)
        return chosen


def _check_suffix(path: Path, suffixes: Sequence[str] | None, field: str, text: str) -> None:
    if suffixes is not None and path.suffix.lower() not in suffixes:
        raise InputError(
            f"the ending {path.suffix or '(none)'} is not one of {', '.join(suffixes)}",
            field=field,
            value=text,
            remedy="Choose a file of that kind.",
        )


def safe_name(text: str, *, field: str = "name") -> str:
    """Return `text` as a single file or folder name that every system accepts; other letters are kept.

    Raises:
        InputError: nothing is left, or the name tries to leave its folder.
    """
    name = text.strip()
    if name in {"", ".", ".."} or "/" in name or "\\" in name or "\0" in name:
        raise InputError("is not a plain name", field=field, value=text, remedy="Use a name without slashes.")
    name = re.sub(r'[<>:"|?*\x00-\x1f]', "_", name).rstrip(". ")
    if not name or name.split(".")[0].upper() in _RESERVED:
        raise InputError("is a name that Windows reserves", field=field, value=text, remedy="Use another.")
    return name[:150]


_RESERVED = {
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(f"COM{i}" for i in range(1, 10)),
    *(f"LPT{i}" for i in range(1, 10)),
}


def home(path: str) -> str:
    """Return a path with the home folder in place of the "~" that it begins with."""
    return str(Path(path).expanduser()) if path == "~" or path.startswith(("~/", "~\\")) else path
