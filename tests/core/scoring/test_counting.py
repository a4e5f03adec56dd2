"""Counted colours are Pillow's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bespoke_core.errors import InputError
from bespoke_core.scoring.counting import count_colors, count_picture_colors


def pillow(images: np.ndarray) -> list[int]:
    return [len(Image.fromarray(i).getcolors(i.shape[0] * i.shape[1])) for i in images]


@given(st.integers(1, 5), st.integers(1, 30), st.integers(1, 30), st.integers(1, 256), st.integers(0, 99))
@settings(deadline=None)
def test_counts_equal_pillow_s(number: int, height: int, width: int, levels: int, seed: int) -> None:
    images = np.random.default_rng(seed).integers(0, levels, (number, height, width, 3)).astype(np.uint8)
    assert count_colors(images).tolist() == pillow(images)


@given(
    st.integers(60, 200), st.integers(70, 200), st.integers(1, 256), st.integers(1, 40), st.integers(0, 99)
)
@settings(deadline=None, max_examples=60)
def test_large_pictures_count_as_pillow_counts_them(
    height: int, width: int, levels: int, repeat: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    few = rng.integers(0, levels, (2, -(-height // repeat), -(-width // repeat), 3)).astype(np.uint8)
    images = few.repeat(repeat, axis=1).repeat(repeat, axis=2)[:, :height, :width]
    assert count_colors(images).tolist() == pillow(images)
    images = np.ascontiguousarray(images)
    images[:, height // 2, width // 3] = 0
    images[1, -1, -1] = (0, 0, 255)
    assert count_colors(images).tolist() == pillow(images)


@pytest.mark.parametrize("height", [512, 1025, 4096])
def test_every_pixel_may_have_its_own_colour(height: int) -> None:
    every = np.random.default_rng(0).permutation(np.arange(height * 1024, dtype=np.uint32))
    image = np.stack([every >> 16, every >> 8 & 255, every & 255], axis=-1).astype(np.uint8)
    assert count_colors(image.reshape(1, height, 1024, 3)).tolist() == [height * 1024]


def test_colours_that_fight_for_few_places_are_all_counted() -> None:
    rng = np.random.default_rng(1)
    # only the upper bits of one channel differ: the worst case of any table by the lower ones
    image = np.zeros((300, 300, 3), dtype=np.uint8)
    for channel in range(3):
        image[..., channel] = rng.integers(0, 8, (300, 300)) << 5
    assert count_colors(image[None]).tolist() == pillow(image[None]) == [512]


def test_one_colour_is_one_colour_at_every_size() -> None:
    for height, width in ((1, 1), (1, 5000), (5000, 1), (100, 100), (1100, 1000)):
        for level in (0, 255):
            image = np.full((1, height, width, 3), level, dtype=np.uint8)
            assert count_colors(image).tolist() == [1]


def test_real_pictures_count_as_pillow_counts_them(shared_data) -> None:
    paths = sorted((shared_data / "lora-outputs").glob("*.png"))
    paths += sorted((shared_data / "bespoke-punks" / "images_512").glob("*.png"))[:6]
    images = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
    assert count_colors(images).tolist() == pillow(images)
    assert count_colors(images[:, ::21, ::21]).tolist() == pillow(images[:, ::21, ::21])


def test_a_batch_larger_than_a_slice_counts_alike() -> None:
    for shape in ((40, 200, 200, 3), (900, 24, 24, 3)):
        images = np.random.default_rng(0).integers(0, 9, shape).astype(np.uint8)
        assert count_colors(images).tolist() == [count_picture_colors(i) for i in images]


def test_other_arrays_are_refused() -> None:
    zeros = np.zeros((1, 4, 4, 3), dtype=np.uint8)
    for wrong in (zeros.astype(float), zeros[0], zeros[..., :1], zeros.tolist()):
        with pytest.raises(InputError, match="uint8"):
            count_colors(wrong)
    assert count_colors(zeros[:0]).tolist() == []
    assert count_colors(zeros[:, :0]).tolist() == [0]
