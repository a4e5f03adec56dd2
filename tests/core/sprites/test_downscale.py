"""Pictures become the sprites that they show."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from bespoke_core.errors import InputError
from bespoke_core.scoring.counting import count_colors
from bespoke_core.sprites.downscale import METHODS, downscale
from bespoke_core.sprites.grid import find_grid
from bespoke_core.sprites.view import enlarge


def art(seed: int, width: int = 24, height: int = 24, colors: int = 12) -> np.ndarray:
    """A sprite of well separated colours."""
    rng = np.random.default_rng(seed)
    palette = rng.choice(np.array([0, 60, 120, 180, 240]), (colors, 3)).astype(np.uint8)
    return palette[rng.integers(0, colors, (height, width))]


def shown(sprite: np.ndarray, width: int = 512, height: int = 512) -> np.ndarray:
    return np.asarray(Image.fromarray(sprite).resize((width, height), Image.Resampling.NEAREST))


def degraded(picture: np.ndarray, seed: int) -> np.ndarray:
    """Blur, noise and JPEG together: about what an autoencoder does."""
    soft = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(1.5))).astype(float)
    noisy = soft + np.random.default_rng(seed).normal(0, 3, picture.shape)
    file = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).round().astype(np.uint8)).save(file, "JPEG", quality=85)
    return np.asarray(Image.open(file).convert("RGB"))


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_nearest_equals_pillow_pixel_for_pixel(width: int, height: int, w: int, h: int, seed: int) -> None:
    w, h = min(w, width), min(h, height)
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(picture).resize((w, h), Image.Resampling.NEAREST))
    assert np.array_equal(downscale(picture[None], (w, h), "nearest")[0], expected)


def test_nearest_equals_pillow_on_real_pictures(shared_data) -> None:
    for path in sorted((shared_data / "lora-outputs").glob("*.png")):
        picture = Image.open(path).convert("RGB")
        expected = np.asarray(picture.resize((24, 24), Image.Resampling.NEAREST))
        assert np.array_equal(downscale(np.asarray(picture)[None], method="nearest")[0], expected)


@pytest.mark.parametrize("method", [m for m in METHODS if m not in ("lanczos", "box")])
@pytest.mark.parametrize("size", [(512, 512), (480, 360), (24, 24)])
def test_clean_art_comes_back_untouched(method: str, size: tuple[int, int]) -> None:
    sprite = art(3)
    assert np.array_equal(downscale(shown(sprite, *size)[None], (24, 24), method)[0], sprite)


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_equals_its_pictures_alone_at_any_size(method: str) -> None:
    batch = np.random.default_rng(1).integers(0, 256, (3, 50, 70, 3), dtype=np.uint8)
    sprites = downscale(batch, (17, 11), method)
    assert sprites.shape == (3, 11, 17, 3) and sprites.dtype == np.uint8
    for picture, sprite in zip(batch, sprites, strict=True):
        assert np.array_equal(downscale(picture[None], (17, 11), method)[0], sprite)


@pytest.mark.parametrize("shift", [(0, 0), (4, -3), (-5, 5)])
def test_the_grid_recovers_a_degraded_and_shifted_sprite(shift: tuple[int, int]) -> None:
    sprite = art(5)
    picture = degraded(np.roll(shown(sprite), shift, axis=(1, 0)), 2)
    assert find_grid(picture, (24, 24)).shift == pytest.approx(shift, abs=0.5)
    found = downscale(picture[None])[0]
    inner = np.s_[1:-1, 1:-1]  # a rolled picture wraps round at its border
    assert np.abs(found[inner].astype(int) - sprite[inner]).max() <= 6
    assert count_colors(found[inner][None])[0] <= count_colors(sprite[None])[0] + 5


def test_real_art_is_recovered_from_blur_noise_and_jpeg(shared_data) -> None:
    paths = sorted((shared_data / "bespoke-punks" / "images_24").glob("*.png"))[5::25]
    truth = np.stack([np.asarray(Image.open(p).convert("RGB")) for p in paths])
    found = downscale(np.stack([degraded(shown(a), i) for i, a in enumerate(truth)]))
    assert (found == truth).all(axis=-1).mean() > 0.63
    assert abs(count_colors(found).mean() - count_colors(truth).mean()) < 6


def test_colours_can_be_limited_with_every_method() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    for method in METHODS:
        assert count_colors(downscale(picture, (16, 16), method, colors=5))[0] <= 5
    untouched = art(1, colors=4)
    assert np.array_equal(downscale(shown(untouched)[None], method="nearest", colors=30)[0], untouched)


@pytest.mark.parametrize(
    ("shape", "size", "method", "colors", "word"),
    [
        ((1, 20, 40, 3), (24, 24), "nearest", None, "40 x 20"),
        ((1, 40, 40, 3), (0, 24), "nearest", None, "at least 1"),
        ((1, 40, 40, 3), (24, 24), "nearst", None, "nearest"),
        ((1, 40, 40, 3), (24, 24), "grid", 0, "1 to 256"),
        ((40, 40, 3), (24, 24), "grid", None, "shape"),
        ((1, 40, 40, 4), (24, 24), "grid", None, "shape"),
    ],
)
def test_what_cannot_be_shrunk_is_refused(shape, size, method, colors, word) -> None:
    with pytest.raises(InputError, match=word):
        downscale(np.zeros(shape, dtype=np.uint8), size, method, colors)


def test_a_picture_on_its_grid_is_told_from_one_without() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    assert find_grid(shown(art(1)), (24, 24)).fidelity > 5
    assert find_grid(noise, (24, 24)).fidelity == pytest.approx(1, abs=0.1)
    assert find_grid(np.zeros((64, 64, 3), np.uint8), (24, 24)).fidelity == 1


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 9))
def test_an_enlarged_sprite_shrinks_back(width: int, height: int, factor: int) -> None:
    sprite = art(0, width, height)
    view = enlarge(sprite, factor)
    assert view.shape == (height * factor, width * factor, 3)
    assert np.array_equal(downscale(view[None], (width, height), "nearest")[0], sprite)


def test_enlarging_by_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="factor"):
        enlarge(art(0), 0)
