"""The pixel grid of a picture whose sprite size nobody has told."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from bespoke_core.errors import InputError
from bespoke_core.portraits.draw import draw_portraits
from bespoke_core.portraits.styles import DUSK
from bespoke_core.sprites.downscale import downscale
from bespoke_core.sprites.pictures import read_picture
from bespoke_core.sprites.search import LEAST_CONFIDENCE, search_grid

PORTRAITS = [portrait.pixels for portrait in draw_portraits(8, seed=11, style=DUSK)]


def enlarged(sprite: np.ndarray, cell: tuple[float, float], start: tuple[float, float], size) -> np.ndarray:
    """Show a sprite with cells of any width, its first cell beginning anywhere."""
    x = np.floor((np.arange(size[0]) + 0.5 - start[0]) / cell[0]).astype(int).clip(0, sprite.shape[1] - 1)
    y = np.floor((np.arange(size[1]) + 0.5 - start[1]) / cell[1]).astype(int).clip(0, sprite.shape[0] - 1)
    return sprite[y][:, x]


def degraded(picture: np.ndarray, blur: float, quality: int) -> np.ndarray:
    soft = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(blur))).astype(float)
    noisy = soft + np.random.default_rng(0).normal(0, 3, picture.shape)
    file = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).round().astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


@pytest.mark.parametrize("harm", [False, True])
@pytest.mark.parametrize(
    ("width", "height"), [(512, 512), (640, 640), (192, 192), (384, 384), (500, 560), (1000, 900)]
)
def test_a_sprite_that_fills_the_picture_is_found_whatever_its_cells(width, height, harm) -> None:
    for sprite in PORTRAITS[:3]:
        picture = enlarged(sprite, (width / 24, height / 24), (0, 0), (width, height))
        if harm:
            picture = degraded(picture, 1.2, 80)
        found = search_grid(picture)
        assert found is not None and found.confidence >= LEAST_CONFIDENCE
        assert found.size == (24, 24) and found.box == (0, 0, width, height)
        assert found.cell == pytest.approx((width / 24, height / 24))


def test_other_sizes_are_found_too() -> None:
    wide = np.hstack(PORTRAITS[:3])
    tall = np.vstack([np.hstack(PORTRAITS[:2]), np.hstack(PORTRAITS[2:4]), np.hstack(PORTRAITS[4:6])])
    for sprite, cell in ((wide, 10.5), (tall, 7.3), (PORTRAITS[0][2:18, 3:21], 21.33)):
        height, width = sprite.shape[:2]
        picture = enlarged(sprite, (cell, cell), (0, 0), (round(width * cell), round(height * cell)))
        found = search_grid(degraded(picture, 1.0, 85))
        assert found is not None and found.size == (width, height)


@given(
    st.integers(0, 7),
    st.floats(4, 30),
    st.floats(0, 1, exclude_max=True),
    st.floats(0, 1, exclude_max=True),
)
@settings(max_examples=30, deadline=None)
def test_cell_and_offset_of_a_cut_out_piece_are_found(number, cell, part_x, part_y) -> None:
    sprite = PORTRAITS[number]
    start = -part_x * cell, -part_y * cell
    size = round(22.4 * cell), round(22.7 * cell)
    found = search_grid(enlarged(sprite, (cell, cell), start, size))
    assert found is not None and found.confidence >= LEAST_CONFIDENCE
    assert found.cell == pytest.approx((cell, cell), rel=0.02)
    for offset, begun, pitch in zip(found.offset, start, found.cell, strict=True):
        aside = abs((offset - begun + pitch / 2) % pitch - pitch / 2)
        assert aside <= max(1.0, 0.12 * pitch)


def test_downscale_finds_the_size_and_cuts_to_whole_cells() -> None:
    picture = degraded(enlarged(PORTRAITS[1], (15.7, 15.7), (-9.0, -3.5), (349, 361)), 1.0, 90)
    sprite = downscale(picture[None], None)[0]
    # Of the first column less than half is left, of the first row more.
    assert sprite.shape == (23, 22, 3)
    apart = np.abs(sprite.astype(int) - PORTRAITS[1][:23, 1:23]).max(axis=-1)
    assert (apart <= 6).mean() > 0.97


@pytest.mark.parametrize("method", ["grid", "nearest", "median", "mode", "k-centroid"])
def test_every_method_can_look_for_the_size(method: str) -> None:
    picture = enlarged(PORTRAITS[0], (20, 20), (-7, 0), (473, 480))
    sprite = downscale(picture[None], None, method)[0]
    assert np.array_equal(sprite, PORTRAITS[0])


def test_finding_the_size_or_telling_it_gives_the_same_sprite(shared_data) -> None:
    found_all = 0
    for path in sorted((shared_data / "lora-outputs").glob("*.png")):
        picture = read_picture(path)
        found = search_grid(picture)
        assert found is not None
        if found.confidence < LEAST_CONFIDENCE:  # the first epoch has hardly a grid
            with pytest.raises(InputError, match="width and height"):
                downscale(picture[None], None)
            continue
        assert found.size == (24, 24)
        assert np.array_equal(downscale(picture[None], None), downscale(picture[None]))
        found_all += 1
    assert found_all >= 9


def no_grid(kind: str) -> np.ndarray:
    chance = np.random.default_rng(0)
    if kind == "noise":
        return chance.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    if kind == "gradient":
        return np.broadcast_to((np.arange(512) // 2).astype(np.uint8)[:, None], (512, 512, 3)[:2])[
            ..., None
        ].repeat(3, axis=2)
    if kind == "smooth":
        return np.asarray(Image.fromarray(PORTRAITS[0]).resize((512, 512), Image.Resampling.BICUBIC))
    picture = Image.new("RGB", (512, 512), (90, 120, 40))
    draw = ImageDraw.Draw(picture)
    for _ in range(25):
        corners = [tuple(int(v) for v in chance.integers(0, 512, 2)) for _ in range(4)]
        draw.polygon(corners, fill=tuple(int(v) for v in chance.integers(0, 256, 3)))
    return np.asarray(picture)


@pytest.mark.parametrize("kind", ["noise", "gradient", "smooth", "polygons"])
def test_a_picture_without_a_grid_is_not_guessed_at(kind: str) -> None:
    picture = no_grid(kind)
    found = search_grid(picture)
    assert found is None or found.confidence < LEAST_CONFIDENCE
    with pytest.raises(InputError, match="picture 2 of 2 shows no pixel grid"):
        downscale(
            np.stack([enlarged(PORTRAITS[0], (len(picture) / 24,) * 2, (0, 0), picture.shape[:2]), picture]),
            None,
        )


def test_jpegs_own_blocks_are_not_taken_for_pixels() -> None:
    for sprite in PORTRAITS[:4]:
        picture = enlarged(sprite, (20.4, 20.4), (0, 0), (490, 490))
        found = search_grid(degraded(picture, 4.0, 40))
        assert found is not None
        assert found.size == (24, 24) or found.confidence < LEAST_CONFIDENCE


def test_pictures_of_different_sprites_are_refused_with_their_sizes() -> None:
    one = enlarged(PORTRAITS[0], (20, 20), (0, 0), (480, 480))
    other = enlarged(np.hstack(PORTRAITS[:2])[:, :40], (12, 12), (0, 0), (480, 288))
    other = np.vstack([other, enlarged(PORTRAITS[3], (12, 12), (0, 0), (480, 192))])
    with pytest.raises(InputError, match=r"24 x 24 .picture 1., 40 x 40 .picture 2."):
        downscale(np.stack([one, other]), None)


def test_a_picture_of_one_colour_or_a_few_pixels_has_no_grid() -> None:
    assert search_grid(np.full((64, 64, 3), 7, np.uint8)) is None
    assert search_grid(np.zeros((1, 1, 3), np.uint8)) is None
    assert search_grid(np.zeros((3, 200, 3), np.uint8)) is None
