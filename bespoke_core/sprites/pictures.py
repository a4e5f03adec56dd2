"""Reading pictures of any common kind as 8-bit RGB."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..picture_formats import DAMAGED, FORMATS

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_REMEDY = "Save the picture again as PNG, or leave it out."


def read_picture(
    path: str | PathLike[str], *, background: tuple[int, int, int] = (255, 255, 255)
) -> NDArray[np.uint8]:
    """Read a picture as uint8 RGB (H, W, 3).

    Transparent pixels are composited on `background`; palette, grey, CMYK and 16-bit pictures are converted
    (16 bits by dropping the low byte); of an animation the first frame is read; a camera's rotation tag is
    obeyed.

    Raises:
        InputError: the file is absent, truncated, or not a picture. The message names it.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    source = Path(path)
    try:
        with Image.open(source, formats=FORMATS) as opened:
            opened.load()
            picture = ImageOps.exif_transpose(opened)
    except FileNotFoundError:
        raise InputError("there is no such picture", file=source, remedy="Give an existing file.") from None
    except IsADirectoryError:
        raise InputError("is a folder, not a picture", file=source, remedy="Give its pictures.") from None
    except UnidentifiedImageError:
        raise InputError("is not a picture that can be read", file=source, remedy=_REMEDY) from None
    except Image.DecompressionBombError:
        raise InputError("is larger than 178 million pixels", file=source, remedy="Shrink it.") from None
    except DAMAGED as error:
        raise InputError(f"is damaged or truncated ({error})", file=source, remedy=_REMEDY) from None
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        levels = np.asarray(picture)
        eight_bit = (levels.astype(np.float64) / 257).round() if levels.max(initial=0) > 255 else levels
        grey = np.clip(eight_bit, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=-1)
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        ground = Image.new("RGBA", rgba.size, (*background, 255))
        picture = Image.alpha_composite(ground, rgba)
    return np.asarray(picture.convert("RGB"), dtype=np.uint8)


def list_pictures(paths: Sequence[str | PathLike[str]]) -> list[Path]:
    """Return picture files: a file as it is given, a folder as the pictures directly in it, by name.

    Raises:
        InputError: a path does not exist, or a folder holds no picture.
    """
    found: list[Path] = []
    for given in paths:
        path = Path(given)
        if path.is_dir():
            inside = sorted(
                p
                for p in path.iterdir()
                if p.suffix.lower() in PICTURE_SUFFIXES and not p.name.startswith(".")
            )
            if not inside:
                raise InputError(
                    "holds no picture", file=path, remedy=f"Give a folder with {', '.join(PICTURE_SUFFIXES)}."
                )
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise InputError("there is no such file or folder", file=path, remedy="Give existing pictures.")
    return list(dict.fromkeys(found))


def write_png(path: str | PathLike[str], picture: NDArray[np.uint8]) -> None:
    """Write uint8 RGB (H, W, 3) as PNG, whole or not at all."""
    import io

    from PIL import Image

    from ..files import write_bytes

    target = io.BytesIO()
    Image.fromarray(picture).save(target, format="PNG")
    write_bytes(path, target.getvalue())
