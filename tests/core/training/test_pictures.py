from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bespoke_core.errors import InputError
from bespoke_core.training.buckets import Fit
from bespoke_core.training.pictures import fit, is_enlarged, read_picture


def sprite(size: int = 24) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def colors(pixels: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(color) for color in pixels.reshape(-1, 3).tolist()}


def test_a_sprite_enlarged_by_a_whole_factor_has_square_pixels_and_no_new_colour() -> None:
    art = sprite()
    large = fit(art, Fit((192, 192), (192, 192)))
    assert np.array_equal(large, np.asarray(art).repeat(8, 0).repeat(8, 1))


def test_enlarging_by_any_factor_makes_no_new_colour() -> None:
    assert colors(fit(sprite(), Fit((100, 100), (96, 96)))) <= colors(np.asarray(sprite()))


def test_enlarged_pixel_art_shrinks_without_new_colours() -> None:
    large = sprite().resize((512, 512), Image.Resampling.NEAREST)
    small = fit(large, Fit((192, 192), (192, 192)))
    assert np.array_equal(small, np.asarray(sprite()).repeat(8, 0).repeat(8, 1))


def test_other_pictures_shrink_by_averaging() -> None:
    small = fit(sprite(64), Fit((32, 32), (32, 32)))
    mean = np.asarray(sprite(64)).reshape(32, 2, 32, 2, 3).mean((1, 3))
    assert np.abs(small - mean).max() <= 1


def test_the_crop_is_in_the_middle() -> None:
    pixels = np.zeros((8, 12, 3), dtype=np.uint8)
    pixels[:, 4:8] = 255
    assert (fit(Image.fromarray(pixels), Fit((12, 8), (4, 8))) == 255).all()


def test_pixel_art_is_told_from_other_pictures() -> None:
    large = np.asarray(sprite().resize((512, 512), Image.Resampling.NEAREST))
    assert is_enlarged(large)
    assert not is_enlarged(large, 22)
    assert not is_enlarged(np.asarray(sprite()))


def test_transparent_parts_show_the_stated_colour(tmp_path: Path) -> None:
    path = tmp_path / "art.png"
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(path)
    assert read_picture(path, "#336699").getpixel((0, 0)) == (0x33, 0x66, 0x99)
    palette = Image.new("P", (4, 4), 0)
    palette.save(path, transparency=0)
    assert read_picture(path, "#336699").getpixel((0, 0)) == (0x33, 0x66, 0x99)


def test_a_damaged_picture_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "art.png"
    sprite(64).save(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match="not a readable picture") as caught:
        read_picture(path, "#ffffff")
    assert caught.value.file == str(path)
