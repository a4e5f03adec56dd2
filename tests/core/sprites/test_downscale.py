"""Pictures become the sprites that they show."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from bespoke_core.color.spaces import srgb_to_oklab
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


def test_pictures_must_be_bytes() -> None:
    with pytest.raises(InputError, match="float64"):
        downscale(np.zeros((1, 40, 40, 3)))


def test_real_art_is_recovered_from_blur_noise_and_jpeg(shared_data) -> None:
    paths = sorted((shared_data / "bespoke-punks" / "images_24").glob("*.png"))[3::10]
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
        ((1, 40, 40, 1), (24, 24), "grid", None, "shape"),
        ((1, 0, 40, 3), (24, 24), "grid", None, "no pixels"),
        ((0, 40, 40, 3), None, "grid", None, "no picture"),
        ((1, 40, 40, 3), None, "grid", None, "none at all"),
        ((1, 12, 9, 3), None, "grid", None, "none at all"),
    ],
)
def test_what_cannot_be_shrunk_is_refused(shape, size, method, colors, word) -> None:
    with pytest.raises(InputError, match=word):
        downscale(np.zeros(shape, dtype=np.uint8), size, method, colors)


@pytest.mark.parametrize("method", METHODS)
def test_a_given_palette_is_all_that_is_left(method: str) -> None:
    palette = np.array([[0, 0, 0], [250, 250, 250], [200, 30, 30]], np.uint8)
    picture = np.random.default_rng(2).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    sprite = downscale(picture, (16, 16), method, palette=palette)
    assert {tuple(c) for c in sprite.reshape(-1, 3)} <= {tuple(c) for c in palette}


def test_the_nearest_colour_is_the_one_that_looks_nearest() -> None:
    # In RGB the grey lies nearer to the dark blue than to the other grey.
    palette = np.array([[90, 90, 90], [20, 20, 90]], np.uint8)
    picture = np.full((1, 8, 8, 3), (40, 40, 60), np.uint8)
    lab = srgb_to_oklab(np.concatenate([palette, picture[0, :1, 0]]))
    expected = palette[np.linalg.norm(lab[:2] - lab[2], axis=1).argmin()]
    assert (downscale(picture, (8, 8), "nearest", palette=palette) == expected).all()


def test_the_true_palette_brings_the_true_sprite_back() -> None:
    sprite = art(8)
    palette = np.unique(sprite.reshape(-1, 3), axis=0)
    assert np.array_equal(downscale(degraded(shown(sprite), 1)[None], palette=palette)[0], sprite)


@pytest.mark.parametrize(
    "palette", [np.zeros((0, 3), np.uint8), np.zeros((3, 4), np.uint8), np.zeros((2, 3))]
)
def test_what_is_no_palette_is_refused(palette: np.ndarray) -> None:
    with pytest.raises(InputError, match="palette"):
        downscale(shown(art(1))[None], palette=palette)


def test_a_palette_and_a_number_of_colours_exclude_each_other() -> None:
    with pytest.raises(InputError, match="together"):
        downscale(shown(art(1))[None], colors=4, palette=np.zeros((1, 3), np.uint8))


def cut_out(sprite: np.ndarray, hidden: int) -> tuple[np.ndarray, np.ndarray]:
    """A sprite whose left third is transparent, with other colours hidden there, enlarged; and the mask."""
    clear = np.zeros(sprite.shape[:2], bool)
    clear[:, :8] = True
    picture, mask = (
        shown(sprite).copy(),
        shown(np.repeat(clear[..., None], 3, axis=2).astype(np.uint8))[..., 0],
    )
    chance = np.random.default_rng(hidden)
    picture[mask > 0] = chance.integers(0, 256, (int((mask > 0).sum()), 3))
    return np.dstack([picture, np.where(mask > 0, 0, 255)]).astype(np.uint8), clear


@pytest.mark.parametrize("method", METHODS)
def test_transparent_pixels_are_composited_on_the_colour_that_is_asked_for(method: str) -> None:
    picture, clear = cut_out(art(4), hidden=1)
    sprite = downscale(picture[None], method=method, background=(9, 200, 30))[0]
    assert sprite.shape == (24, 24, 3)
    if method != "lanczos":  # which rings beside edges
        assert (sprite[:, :7] == (9, 200, 30)).all()
    if method not in ("lanczos", "box"):
        assert np.array_equal(sprite[~clear], art(4)[~clear])


@pytest.mark.parametrize("method", METHODS)
def test_kept_alpha_hides_what_was_hidden(method: str) -> None:
    one, clear = cut_out(art(4), hidden=1)
    other, _ = cut_out(art(4), hidden=2)
    sprites = downscale(np.stack([one, other]), method=method, background=None)
    assert sprites.shape == (2, 24, 24, 4)
    assert np.array_equal(sprites[0], sprites[1])
    if method != "lanczos":
        assert not sprites[0, :, :7].any()
        assert (sprites[0, :, 9:, 3] == 255).all()
    if method not in ("lanczos", "box"):
        assert np.array_equal(sprites[0, ..., 3] == 0, clear)
        assert np.array_equal(sprites[0][~clear][:, :3], art(4)[~clear])


def test_transparent_cells_are_no_colour() -> None:
    picture, _ = cut_out(art(4), hidden=1)
    sprite = downscale(picture[None], colors=3, background=None)[0]
    visible = sprite[sprite[..., 3] > 0]
    assert len(np.unique(visible, axis=0)) <= 3 and (visible[:, 3] == 255).all()


def test_a_half_transparent_pixel_is_mixed_as_pillow_mixes() -> None:
    levels = np.random.default_rng(0).integers(0, 256, (1, 40, 40, 4), dtype=np.uint8)
    ground = Image.new("RGBA", (40, 40), (10, 20, 30, 255))
    expected = np.asarray(Image.alpha_composite(ground, Image.fromarray(levels[0])).convert("RGB")).astype(
        int
    )
    found = downscale(levels, (40, 40), "nearest", background=(10, 20, 30))[0]
    assert np.abs(found - expected).max() <= 1


def test_a_picture_of_8k_is_shrunk_in_bounded_memory() -> None:
    sprite = art(6, 48, 24)
    picture = shown(sprite, 7680, 3840)[None]
    tracemalloc.start()
    for method in ("grid", "nearest", "median"):
        assert np.array_equal(downscale(picture, (48, 24), method)[0], sprite)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * picture.nbytes


def test_a_picture_smaller_than_24_pixels_is_its_own_sprite() -> None:
    tiny = art(2, 7, 5)
    for method in METHODS:
        assert np.array_equal(downscale(tiny[None], (7, 5), method)[0], tiny)


def test_shading_is_kept_where_noise_is_low() -> None:
    """Bands that a person tells apart stay apart after JPEG."""
    sprite = np.repeat(np.arange(60, 180, 5, dtype=np.uint8)[:, None, None], 24, axis=1).repeat(3, axis=2)
    found = downscale(degraded(shown(sprite), 3)[None])[0].astype(int).mean(axis=(1, 2))
    assert (np.diff(found) > 3).all()


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
