"""Other programs that make true sprites, called as their documentation says; none is needed to run this.

A rival is told the sprite's size where it can be told. What it prints is thrown away.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from PIL import Image

Shrink = Callable[[np.ndarray, tuple[int, int]], np.ndarray]


@dataclass(frozen=True)
class Rival:
    """A program to compare with.

    Attributes:
        name: with its version.
        shrink: turns a picture (H, W, 3) and the sprite's size into a sprite, perhaps of another size.
    """

    name: str
    shrink: Shrink


def _pixeloe(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    from pixeloe.legacy.pixelize import pixelize

    return pixelize(
        picture, target_size=size[0], patch_size=round(picture.shape[1] / size[0]), no_upscale=True
    )


def _proper_pixel_art(picture: np.ndarray, _size: tuple[int, int]) -> np.ndarray:
    from proper_pixel_art.image import pixelate

    return np.asarray(pixelate(Image.fromarray(picture)).image.convert("RGB"))


def _unfake(picture: np.ndarray, _size: tuple[int, int]) -> np.ndarray:
    from unfake.pixel import process_image_sync

    return np.asarray(process_image_sync(picture)["image"])[..., :3]


def _ai2pixelart(picture: np.ndarray, _size: tuple[int, int]) -> np.ndarray:
    import ai2pixelart

    return ai2pixelart.clean(picture).image


def _ai2pixelart_told(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    import ai2pixelart

    pitch = picture.shape[0] / size[1], picture.shape[1] / size[0]
    return ai2pixelart.clean(picture, pitch=pitch).image


def _perfect_pixel(picture: np.ndarray, _size: tuple[int, int]) -> np.ndarray:
    from perfect_pixel import get_perfect_pixel

    return get_perfect_pixel(picture)[2]


def _perfect_pixel_told(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    from perfect_pixel import get_perfect_pixel

    return get_perfect_pixel(picture, "median", size)[2]


_KNOWN: tuple[tuple[str, str, str, Shrink], ...] = (
    ("pixeloe", "pixeloe", "size told", _pixeloe),
    ("proper-pixel-art", "proper_pixel_art", "finds the size", _proper_pixel_art),
    ("unfake", "unfake", "finds the size", _unfake),
    ("ai2pixelart", "ai2pixelart", "finds the size", _ai2pixelart),
    ("ai2pixelart", "ai2pixelart", "size told", _ai2pixelart_told),
    ("perfect-pixel", "perfect_pixel", "finds the size", _perfect_pixel),
    ("perfect-pixel", "perfect_pixel", "size told", _perfect_pixel_told),
)


def installed_rivals() -> tuple[list[Rival], list[str]]:
    """Return the rivals that are installed, and the names of those that are not."""
    rivals, absent = [], []
    for package, module, how, shrink in _KNOWN:
        if importlib.util.find_spec(module) is None:
            absent.append(package)
        else:
            rivals.append(Rival(f"{package} {version(package)}, {how}", _quiet(shrink)))
    return rivals, sorted(set(absent))


def _quiet(shrink: Shrink) -> Shrink:
    def silent(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        logging.disable(logging.WARNING)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            result = shrink(picture, size)
        logging.disable(logging.NOTSET)
        return np.asarray(result)

    return silent
