"""Pictures and prompts of every odd kind have a defined score or a clear error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bespoke_core.errors import InputError
from bespoke_core.portraits.draw import draw_portrait
from bespoke_core.scoring.files import score_files
from bespoke_core.scoring.score import Scores, score_picture, score_pictures
from bespoke_core.sprites.view import enlarge

SPRITE = np.array(draw_portrait(4).pixels)
PICTURE = enlarge(SPRITE, 8)
COLORS = len(np.unique(SPRITE.reshape(-1, 3), axis=0))


def save(image: Image.Image, path: Path, **options) -> Path:
    image.save(path, **options)
    return path


def scored(path: Path, **options) -> Scores:
    (found,) = score_files([path], **options)
    return found.scores


def as_gray(image: Image.Image, path: Path) -> Path:
    return save(image.convert("L"), path)


def as_sixteen_bits(image: Image.Image, path: Path) -> Path:
    levels = np.asarray(image.convert("L")).astype(np.uint16) * 257
    return save(Image.fromarray(levels), path)


def as_two_colours(image: Image.Image, path: Path) -> Path:
    return save(image.convert("1", dither=Image.Dither.NONE), path)


def as_palette(image: Image.Image, path: Path) -> Path:
    return save(image.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE), path)


def as_cmyk(image: Image.Image, path: Path) -> Path:
    return save(image.convert("CMYK"), path.with_suffix(".tif"))


def as_animation(image: Image.Image, path: Path) -> Path:
    others = [Image.new("RGB", image.size, color) for color in ("red", "blue")]
    return save(image, path, save_all=True, append_images=others, duration=50)


@pytest.mark.parametrize(
    "write",
    [as_gray, as_sixteen_bits, as_two_colours, as_palette, as_cmyk, as_animation],
    ids=lambda write: write.__name__,
)
def test_every_kind_of_file_scores_as_what_it_shows(write: Callable, tmp_path: Path) -> None:
    path = write(Image.fromarray(PICTURE), tmp_path / "picture.png")
    with Image.open(path) as opened:
        shown = Image.fromarray(np.asarray(opened) // 257).convert("L") if "16" in opened.mode else opened
        expected = np.asarray(shown.convert("RGB"))
    found = scored(path, prompts=["green background"])
    assert found == score_picture(expected, prompt="green background")
    assert found.unique_colors == len(np.unique(expected.reshape(-1, 3), axis=0)) <= COLORS


def test_colours_under_transparent_pixels_do_not_count(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    hidden = rng.integers(0, 256, PICTURE.shape, dtype=np.uint8)
    rgba = np.dstack([hidden, np.zeros(PICTURE.shape[:2], np.uint8)])
    rgba[60:, 40:150, :3], rgba[60:, 40:150, 3] = (200, 40, 40), 255
    path = save(Image.fromarray(rgba), tmp_path / "hidden.png")
    found = scored(path, prompts=["white background"])
    assert found.unique_colors == 2 and found.background_color == "#ffffff"
    assert found.background_match == "yes"
    assert score_picture(rgba, prompt="white background") == found


def test_pictures_that_are_not_square_are_scored_by_their_own_cells(tmp_path: Path) -> None:
    wide = SPRITE.repeat(5, axis=0).repeat(20, axis=1)
    found = scored(save(Image.fromarray(wide), tmp_path / "wide.png"))
    assert (found.unique_colors, found.variance_between) == (COLORS, 1.0)
    tall = np.array(SPRITE[:, :12]).repeat(9, axis=0).repeat(9, axis=1)
    assert scored(save(Image.fromarray(tall), tmp_path / "tall.png"), size=(12, 24)).grid_fidelity > 3


def test_pictures_smaller_than_the_sprite_are_named(tmp_path: Path) -> None:
    path = save(Image.fromarray(SPRITE[:10, :23]), tmp_path / "tiny.png")
    with pytest.raises(InputError, match=r"tiny\.png.*24 x 24.*23 x 10"):
        scored(path)
    assert scored(path, size=(23, 10)).grid_fidelity is None


@pytest.mark.slow
def test_an_8k_picture_is_scored_like_its_small_self() -> None:
    huge = np.asarray(Image.fromarray(SPRITE).resize((8192, 8192), Image.Resampling.NEAREST))
    found = score_picture(huge, prompt="green background")
    small = score_picture(PICTURE, prompt="green background")
    assert found.variance_between == small.variance_between == 1.0
    for name in ("unique_colors", "perceptual_colors", "background_match", "background_color"):
        assert getattr(found, name) == getattr(small, name)


@pytest.mark.parametrize(("format_", "share"), [("PNG", 0.6), ("JPEG", 0.3), ("WEBP", 0.5), ("PNG", 0.0)])
def test_truncated_pictures_are_named(format_: str, share: float, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, PICTURE.shape, dtype=np.uint8)
    path = save(Image.fromarray(noise), tmp_path / "cut.png", format=format_)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match=r"cut\.png"):
        scored(path)
    left_out: list[str] = []

    def note(one: Path, error: InputError) -> None:
        left_out.append(f"{one.name} {error.problem}")

    assert not list(score_files([path], skip=note))
    assert left_out[0].startswith("cut.png ")


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.full((1, 32, 32, 3), np.nan, dtype=np.float32), "uint8, not float32"),
        (np.full((1, 32, 32, 3), 300.0), "uint8, not float64"),
        (np.full((1, 32, 32, 3), -5, dtype=np.int16), "uint8, not int16"),
        (np.zeros((32, 32, 3), dtype=np.uint8), r"\(H, W, 3\)"),
        (np.zeros((1, 32, 32), dtype=np.uint8), r"\(H, W, 3\)"),
        (np.zeros((1, 32, 32, 1), dtype=np.uint8), r"\(H, W, 3\)"),
        (np.zeros((1, 3, 32, 32), dtype=np.uint8), r"not \(3, 32, 32\)"),
        (np.zeros((1, 0, 32, 3), dtype=np.uint8), r"not \(0, 32, 3\)"),
        ([[1, 2, 3]], "uint8, not list"),
    ],
)
def test_other_arrays_are_refused_with_what_to_do(images, words: str) -> None:
    with pytest.raises(InputError, match=words):
        score_pictures(images)


def test_a_batch_of_different_sizes_scores_as_its_pictures_alone() -> None:
    images = [PICTURE, SPRITE, PICTURE[:100], np.dstack([PICTURE, np.full(PICTURE.shape[:2], 255, np.uint8)])]
    batch = score_pictures(images, prompts=["green background"] * 4)
    assert batch == [score_picture(image, prompt="green background") for image in images]
    assert batch[0] == batch[3]


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        " ,, ",
        "a lad with a hat",
        "fondo verde brillante",
        "緑色の背景",
        "зелёный фон",
        "\x00\ud800 (((",
        "a " * 5000,
    ],
)
def test_prompts_without_a_colour_or_in_other_languages_ask_for_nothing(prompt: str) -> None:
    found = score_picture(PICTURE, prompt=prompt)
    assert (found.background_match, found.feature_match) == ("not asked", "not asked")
    assert found.background_distance is None and found.color_bleed == "not asked"
    assert found.unique_colors == COLORS
