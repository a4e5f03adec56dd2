"""Reading pictures and bringing them to their training size without blurring pixel art."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import InputError
from ..picture_formats import DAMAGED, FORMATS
from .buckets import Fit, Size

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "lanczos": Image.Resampling.LANCZOS,
    "bilinear": Image.Resampling.BILINEAR,
    "linear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "cubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BOX,
    "box": Image.Resampling.BOX,
}


@dataclass(frozen=True)
class Inspection:
    """What is told about a picture's file after all of it was read.

    Attributes:
        size: (width, height) as it is shown, turned as its EXIF data says.
        sha256: of the file's bytes.
        transparent: some pixel is not opaque.
        frames: how many pictures the file holds; the first is trained on.
    """

    size: Size
    sha256: str
    transparent: bool
    frames: int


def inspect_picture(path: Path) -> Inspection:
    """Read a whole picture, so that a cut-off file is found early.

    Raises:
        InputError: the file is not a picture or is damaged.
    """
    data = _bytes_of(path)
    picture, frames = _decoded(path, data)
    transparent = picture.mode == "RGBA" and picture.getextrema()[3][0] < 255
    return Inspection(picture.size, hashlib.sha256(data).hexdigest(), transparent, frames)


def read_picture(path: Path, background: str, *, sha256: str | None = None) -> Image.Image:
    """Read a picture as RGB; transparent parts show `background` ("#rrggbb").

    Raises:
        InputError: as `read_rgba`.
    """
    picture = read_rgba(path, sha256=sha256)
    behind = Image.new("RGBA", picture.size, background)
    return Image.alpha_composite(behind, picture).convert("RGB")


def read_rgba(path: Path, *, sha256: str | None = None) -> Image.Image:
    """Read a picture's first frame as RGBA of 8 bits, turned as its EXIF data says.

    Args:
        sha256: what the file's bytes must be, or None.

    Raises:
        InputError: the file is not a picture, is damaged, is gone, or is not the one that was planned with.
    """
    data = _bytes_of(path)
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise InputError(
            "has changed since the run was planned",
            file=path,
            remedy="Start the run anew, or put the former picture back and resume.",
        )
    return _decoded(path, data)[0].convert("RGBA")


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror or type(error).__name__})",
            file=path,
            remedy="Put the picture back, or take it out of the data set and start anew.",
        ) from None


def _decoded(path: Path, data: bytes) -> tuple[Image.Image, int]:
    """Return the first frame as RGB or RGBA, and how many frames there are."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            frames = getattr(opened, "n_frames", 1)
            opened.seek(0)
            opened.load()
            picture = ImageOps.exif_transpose(opened)
            if picture.mode.startswith("I") or picture.mode == "F":
                return _from_deep(path, picture), frames
            opaque = picture.mode in ("RGB", "L", "CMYK", "YCbCr", "1") and "transparency" not in picture.info
            return picture.convert("RGB" if opaque else "RGBA"), frames
    except (*DAMAGED, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        # Pillow's own sentence names the bytes in memory, which the reader never saw.
        why = "no known format" if isinstance(error, UnidentifiedImageError) else error
        raise InputError(
            f"is not a readable picture ({why})",
            file=path,
            remedy="Save it again as PNG, or take it out of the folder.",
        ) from None


def _from_deep(path: Path, picture: Image.Image) -> Image.Image:
    """Bring gray values of 16 bits to 8; Pillow's own conversion would cut them off at 255."""
    values = np.asarray(picture)
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > 0xFFFF:
        raise InputError(
            f"has gray values from {values.min()} to {values.max()}, of which the white is not known",
            file=path,
            remedy="Save it as PNG of 8 or 16 bits.",
        )
    gray = (values.astype(np.uint32) * 255 + 0x7FFF) // 0xFFFF
    return Image.fromarray(gray.astype(np.uint8)).convert("RGB")


def fit(
    picture: Image.Image, how: Fit, *, interpolation: str | None = None, at: tuple[float, float] = (0.5, 0.5)
) -> NDArray[np.uint8]:
    """Resize and crop a picture as `how` says; returns uint8 (H, W, channels).

    Enlarging never blends colours. Shrinking averages areas, unless the picture is itself enlarged pixel art
    whose cells outlast the shrinking: then pixels are picked, so that no new colours appear.

    Args:
        interpolation: kohya's resize_interpolation, done always; None is as above.
        at: where the crop lies, from (0, 0) at the left top to (1, 1) at the right bottom.
    """
    if picture.size != how.resized:
        picture = picture.resize(how.resized, _filter(picture, how.resized, interpolation))
    left, top = (
        int((size - kept) * part) for size, kept, part in zip(how.resized, how.bucket, at, strict=True)
    )
    return np.asarray(picture)[top : top + how.bucket[1], left : left + how.bucket[0]].copy()


def _filter(picture: Image.Image, size: Size, interpolation: str | None) -> Image.Resampling:
    if interpolation is not None:
        return _FILTERS[interpolation]
    shrinks = picture.width > size[0] or picture.height > size[1]
    scale = max(picture.width / size[0], picture.height / size[1])
    blends = shrinks and not is_enlarged(np.asarray(picture), scale)
    return Image.Resampling.BOX if blends else Image.Resampling.NEAREST


def is_enlarged(pixels: NDArray[np.uint8], factor: float = 2) -> bool:
    """Return whether every row and column of (H, W, C) `pixels` comes in runs of at least `factor`.

    True for pixel art enlarged by nearest neighbour, and for a picture of one colour.
    """
    return all(np.diff(edges).min() >= factor for edges in (_edges(pixels, 0), _edges(pixels, 1)))


def native_size(pixels: NDArray[np.uint8]) -> Size | None:
    """Return the (width, height) in cells of pixel art that was enlarged by nearest neighbour, or None.

    The factor need not be whole: 24 cells in 512 pixels are found, too. None where the runs of equal rows or
    columns are no even grid, and where nothing is enlarged.
    """
    found = []
    for axis in (1, 0):
        edges = _edges(pixels, axis)
        length = pixels.shape[axis]
        shortest = int(np.diff(edges).min())
        # Runs of an uneven factor differ by one: a cell is up to one pixel longer than the shortest.
        for cells in range(length // shortest, length // (shortest + 1) - 1, -1):
            if cells > 0 and np.abs(edges - np.round(edges * cells / length) * length / cells).max() < 1:
                found.append(cells)
                break
        else:
            return None
    size = (found[0], found[1])
    return size if size[0] * 2 <= pixels.shape[1] and size[1] * 2 <= pixels.shape[0] else None


def _edges(pixels: NDArray[np.uint8], axis: int) -> NDArray[np.int64]:
    """Return where rows (axis 0) or columns (axis 1) differ from the one before, with both ends."""
    changes = np.any(np.diff(pixels, axis=axis) != 0, axis=(1 - axis, 2))
    return np.concatenate([[0], np.flatnonzero(changes) + 1, [pixels.shape[axis]]])
