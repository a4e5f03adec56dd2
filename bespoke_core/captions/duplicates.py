"""Captions and pictures that an earlier file of the data set has, too."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ..files import sha256_of_file
from .dataset import Item
from .findings import Finding, finding


class Duplicates:
    """Remembers what went by: a short digest of each caption, a hash of each picture that may have a twin."""

    def __init__(self, items: Iterable[Item], *, pictures: bool) -> None:
        self._captions: dict[bytes, str] = {}
        self._pictures: dict[str, str] = {}
        self._sizes: Counter[int] = Counter()
        for item in items if pictures else ():
            if item.image_path is not None:
                self._sizes[_size(item.image_path)] += 1

    def check_caption(self, file: str, line: str) -> list[Finding]:
        """Find `duplicate_caption`: a caption whose first line an earlier file has, too.

        Surrounding blanks do not matter; empty captions are not compared.
        """
        text = line.strip()
        if not text:
            return []
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        first = self._captions.setdefault(digest, file)
        if first == file:
            return []
        advice = f"{first} has the same caption. Say what differs, or remove one of the pictures."
        return [finding(file, "duplicate_caption", advice)]

    def check_picture(self, path: Path, file: str) -> list[Finding]:
        """Find `duplicate_picture`: a picture whose bytes an earlier file has, too.

        Only files of a size that several have are read.
        """
        size = _size(path)
        if size == _ABSENT or self._sizes[size] < 2:
            return []
        try:
            first = self._pictures.setdefault(sha256_of_file(path), file)
        except OSError:  # a picture that cannot be read is a `broken_picture`, whose twin is not asked for
            return []
        if first == file:
            return []
        advice = f"{first} is the same file. Remove one of them with its caption."
        return [finding(file, "duplicate_picture", advice)]


_ABSENT = -1


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # as above
        return _ABSENT
