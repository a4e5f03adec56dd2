"""Counted colours are Pillow's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bespoke_core.errors import InputError
from bespoke_core.scoring.counting import count_colors


@given(st.integers(1, 5), st.integers(1, 30), st.integers(1, 30), st.integers(1, 256), st.integers(0, 99))
@settings(deadline=None)
def test_counts_equal_pillow_s(number: int, height: int, width: int, levels: int, seed: int) -> None:
    images = np.random.default_rng(seed).integers(0, levels, (number, height, width, 3)).astype(np.uint8)
    expected = [len(Image.fromarray(i).getcolors(height * width)) for i in images]
    assert count_colors(images).tolist() == expected


def test_a_batch_larger_than_a_slice_counts_alike() -> None:
    images = np.random.default_rng(0).integers(0, 9, (40, 200, 200, 3)).astype(np.uint8)
    assert count_colors(images).tolist() == [count_colors(i[None])[0] for i in images]


def test_other_arrays_are_refused() -> None:
    with pytest.raises(InputError, match="uint8"):
        count_colors(np.zeros((1, 4, 4, 3)))
