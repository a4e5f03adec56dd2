"""What a VAE alone makes of true art."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageFilter

from bespoke_core.errors import InputError
from bespoke_core.portraits.draw import draw_portraits
from bespoke_core.scoring.score import score_pictures
from bespoke_core.scoring.vae_floor import measure_vae_floor
from bespoke_core.sprites.view import enlarge


def art() -> Iterator[np.ndarray]:
    return (portrait.pixels for portrait in draw_portraits(6, seed=2))


def blurring(pictures: np.ndarray) -> np.ndarray:
    """A codec that loses what a VAE loses: sharp edges and exact levels."""
    noise = np.random.default_rng(0).integers(-2, 3, pictures.shape)
    soft = ImageFilter.GaussianBlur(1.5)
    blurred = [np.asarray(Image.fromarray(picture).filter(soft)) for picture in pictures]
    return np.clip(np.stack(blurred) + noise, 0, 255).astype(np.uint8)


def test_a_perfect_codec_leaves_the_floor_at_the_arts_own_colours() -> None:
    floor = measure_vae_floor(art(), lambda pictures: pictures, shape=(192, 192))
    assert floor.pictures == 6
    assert floor.before == floor.after
    own = [len(np.unique(one.reshape(-1, 3), axis=0)) for one in art()]
    assert floor.before["unique_colors"] == np.median(own)


def test_a_lossy_codec_raises_the_floor_and_pictures_are_held_against_it() -> None:
    floor = measure_vae_floor(art(), blurring, shape=(192, 192))
    assert floor.after["unique_colors"] > 5 * floor.before["unique_colors"]
    assert floor.after["grid_fidelity"] < floor.before["grid_fidelity"]
    pictures = enlarge(np.stack(list(art())), 8)
    clean = score_pictures(pictures)[0]
    noisy = score_pictures(np.random.default_rng(1).integers(0, 256, pictures.shape, dtype=np.uint8))[0]
    assert floor.says(clean) == "at the floor"
    assert floor.says(noisy) == "above"
    json.dumps(floor.to_dict(), allow_nan=False)


def test_pictures_reach_the_codec_a_few_at_a_time_and_in_the_size_asked_for() -> None:
    shapes: list[tuple[int, ...]] = []

    def codec(pictures: np.ndarray) -> np.ndarray:
        shapes.append(pictures.shape)
        return pictures

    measure_vae_floor(art(), codec, shape=(96, 48), at_once=4)
    assert shapes == [(4, 48, 96, 3), (2, 48, 96, 3)]


def test_an_empty_set_and_a_codec_that_changes_the_size_are_refused() -> None:
    with pytest.raises(InputError, match="no picture"):
        measure_vae_floor(iter(()), lambda pictures: pictures, shape=(64, 64))
    with pytest.raises(InputError, match="multiples of 8"):
        measure_vae_floor(art(), lambda pictures: pictures[:, :56, :56], shape=(60, 60))
