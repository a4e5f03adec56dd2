"""How a sweep's pictures are scored: the sprite's settings, the training set, the scorer's version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..files import key_of
from .hashes import content_hash

if TYPE_CHECKING:
    import numpy as np

    from ..scoring.reference import ReferenceStatistics

SCORING_VERSION = 2
"""Raised when a score's meaning changes, so that stored pictures are scored again."""


@dataclass(frozen=True)
class SpriteSettings:
    """How a picture becomes a sprite and what its scores are compared with.

    Attributes:
        width: of the sprite in pixels.
        height: of the sprite in pixels.
        method: of downscaling; ``nearest`` is the experiment's.
        reference: folder of the training set's pictures, or None.
        elsewhere: content key of a training set that lies on another machine, see `contents_key`; empty
            where it lies here. What was measured against it there is kept; nothing can be measured here.
    """

    width: int = 24
    height: int = 24
    method: str = "nearest"
    reference: Path | None = None
    elsewhere: str = ""

    @cached_property
    def key(self) -> str:
        """Content key of the settings, the training set as it is now, and the scores' version."""
        reference = self.reference_key if self.reference else None
        return key_of([SCORING_VERSION, self.width, self.height, self.method, reference])

    @property
    def reference_key(self) -> str:
        """Content key of the training set, which there must be.

        Raises:
            InputError: its folder is gone.
        """
        assert self.reference is not None
        if not self.elsewhere and not self.reference.is_dir():
            raise InputError(
                "was the training set that the pictures were measured against, and is not there any more",
                file=self.reference,
                remedy="Put it back, or take the sweep's table.csv as it is.",
            )
        return self.elsewhere or folder_key(self.reference)

    @property
    def folder(self) -> str:
        """Where the sprites lie in a sweep's folder: sprites of other settings never mix."""
        plain = (self.width, self.height, self.method) == (24, 24, "nearest")
        return "sprites" if plain else f"sprites/{self.width}x{self.height}_{self.method}"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able form, the folder with forward slashes."""
        told = {**asdict(self), "reference": self.reference.as_posix() if self.reference else None}
        return {name: value for name, value in told.items() if name != "elsewhere" or value}


def measure(
    pictures: Sequence[np.ndarray], prompts: Sequence[str], sprites: SpriteSettings
) -> tuple[list[dict[str, Any]], list[np.ndarray]]:
    """Return the scores and the sprites of pictures.

    Args:
        pictures: uint8 RGB (height, width, 3), of any sizes.
        prompts: what was asked for, one a picture.
        sprites: how they are shrunk and what they are compared with.

    Raises:
        InputError: the training set lies on another machine.
    """
    from ..scoring.score import score_pictures

    if sprites.reference is not None and sprites.elsewhere:
        raise InputError(
            "is the training set of the servers that drew these pictures, not of this machine",
            file=sprites.reference,
            remedy="Run the sweep again: the servers measure what is missing.",
        )
    size, reference = (sprites.width, sprites.height), sprites.reference
    scores = score_pictures(
        pictures,
        size=size,
        method=sprites.method,
        prompts=prompts,
        reference=_reference(reference, size, folder_key(reference)) if reference else None,
    )
    return [score.to_dict() for score in scores], [shrunk(picture, sprites) for picture in pictures]


def shrunk(picture: np.ndarray, sprites: SpriteSettings) -> np.ndarray:
    """Return a picture's sprite, uint8 RGB (height, width, 3)."""
    from ..sprites.downscale import downscale

    size = (sprites.width, sprites.height)
    sprite: np.ndarray = downscale(picture[None], size=size, method=sprites.method)[0]
    return sprite


@lru_cache(maxsize=8)
def _reference(folder: Path, size: tuple[int, int], key: str) -> ReferenceStatistics:
    """Measure the training set once for all cells; `key` changes when a file of it does."""
    from ..scoring.reference import read_reference

    return read_reference(folder, size=size)


def contents_key(folder: Path) -> str:
    """Return a key of what a folder's files hold, the same for copies of it on other machines."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return key_of([[path.name, content_hash(path)] for path in files])


def folder_key(folder: Path) -> str:
    """Return a key that changes when a file of a folder does."""
    files = sorted(p for p in folder.iterdir() if p.is_file())
    return key_of([[p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in files])
