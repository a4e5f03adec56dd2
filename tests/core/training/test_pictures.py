from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bespoke_core.errors import InputError
from bespoke_core.training.buckets import Fit
from bespoke_core.training.pictures import fit, inspect_picture, is_enlarged, native_size, read_picture


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


def test_bytes_that_are_no_picture_are_refused_without_pillows_words(tmp_path: Path) -> None:
    path = tmp_path / "art.png"
    path.write_bytes(b"no picture at all")
    with pytest.raises(InputError, match=r"not a readable picture \(no known format\)") as caught:
        read_picture(path, "#ffffff")
    assert "BytesIO" not in str(caught.value)


def test_gray_of_sixteen_bits_keeps_its_brightness(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(np.array([[0, 0x8000, 0xFFFF]], dtype=np.uint16)).save(path)
    assert np.asarray(read_picture(path, "#ffffff"))[0, :, 0].tolist() == [0, 128, 255]


def test_a_picture_is_turned_as_its_exif_data_says(tmp_path: Path) -> None:
    path = tmp_path / "turned.png"
    exif = Image.Exif()
    exif[0x0112] = 3
    sprite().save(path, exif=exif)
    assert np.array_equal(np.asarray(read_picture(path, "#ffffff")), np.asarray(sprite())[::-1, ::-1])


def test_an_animated_picture_is_its_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "moving.png"
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue", "green")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert inspect_picture(path).frames == 3
    assert read_picture(path, "#ffffff").getpixel((0, 0)) == (255, 0, 0)


def test_indexed_art_with_a_transparent_colour_is_told_and_shows_the_background(tmp_path: Path) -> None:
    path = tmp_path / "indexed.png"
    indexed = Image.new("P", (4, 4), 0)
    indexed.putpalette([10, 20, 30, 200, 100, 50])
    indexed.putpixel((0, 0), 1)
    indexed.save(path, transparency=1)
    assert inspect_picture(path).transparent
    shown = read_picture(path, "#336699")
    assert (shown.getpixel((0, 0)), shown.getpixel((1, 1))) == ((0x33, 0x66, 0x99), (10, 20, 30))


@pytest.mark.parametrize(
    "kind", ["lanczos", "bilinear", "linear", "bicubic", "cubic", "area", "box", "nearest"]
)
def test_a_filter_that_is_asked_for_is_used(kind: str) -> None:
    art = sprite(23)
    enlarged = fit(art, Fit((100, 100), (96, 96)), interpolation=kind)
    blends = kind not in ("nearest", "area", "box")
    assert (colors(enlarged) <= colors(np.asarray(art))) != blends


@pytest.mark.parametrize("factor", [2, 3, 8, 21.34])
def test_the_grid_of_enlarged_art_is_found(factor: float) -> None:
    large = sprite().resize((round(24 * factor),) * 2, Image.Resampling.NEAREST)
    assert native_size(np.asarray(large)) == (24, 24)


def test_art_that_is_not_enlarged_has_no_other_grid() -> None:
    assert native_size(np.asarray(sprite())) is None
    wide = sprite().resize((48, 24), Image.Resampling.NEAREST)
    assert native_size(np.asarray(wide)) is None
