"""Colour spaces and differences against an independent library."""

from __future__ import annotations

import numpy as np
import pytest
from coloraide import Color
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bespoke_core.color.difference import ciede2000, oklab_distance
from bespoke_core.color.spaces import chroma_and_hue, pack, srgb_to_lab, srgb_to_oklab, unpack

RGB = st.tuples(*[st.integers(0, 255)] * 3)


def judge(rgb: tuple[int, int, int]) -> Color:
    return Color("srgb", [level / 255 for level in rgb])


def array(rgb: tuple[int, int, int]) -> np.ndarray:
    return np.array(rgb, dtype=np.uint8)


@given(RGB)
@settings(deadline=None)
def test_oklab_agrees_with_coloraide(rgb: tuple[int, int, int]) -> None:
    assert srgb_to_oklab(array(rgb)) == pytest.approx(judge(rgb).convert("oklab").coords(), abs=2e-5)


@given(RGB)
@settings(deadline=None)
def test_cielab_under_d65_agrees_with_coloraide(rgb: tuple[int, int, int]) -> None:
    assert srgb_to_lab(array(rgb)) == pytest.approx(judge(rgb).convert("lab-d65").coords(), abs=2e-2)


@given(RGB, RGB)
@example((0, 117, 103), (181, 181, 181))
@settings(deadline=None)
def test_ciede2000_agrees_with_coloraide(one: tuple[int, int, int], two: tuple[int, int, int]) -> None:
    ours = float(ciede2000(srgb_to_lab(array(one)), srgb_to_lab(array(two))))
    theirs = judge(one).delta_e(judge(two), method="2000", space="lab-d65")
    assert ours == pytest.approx(theirs, abs=0.02)


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [  # published test pairs of Sharma, Wu and Dalal, the discontinuities among them
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1, 2), (50, 0, 0), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, -0.001, 2.49), (50, 0.0011, -2.49), 4.7461),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000_gives_the_published_values(one: tuple, two: tuple, expected: float) -> None:
    assert float(ciede2000(np.array(one), np.array(two))) == pytest.approx(expected, abs=1e-4)


@given(st.lists(RGB, min_size=1, max_size=20))
@settings(deadline=None)
def test_a_batch_equals_its_colours_one_by_one(colors: list[tuple[int, int, int]]) -> None:
    batch = np.array(colors, dtype=np.uint8)
    assert np.allclose(srgb_to_oklab(batch), np.stack([srgb_to_oklab(c) for c in batch]), atol=1e-6)
    assert np.array_equal(unpack(pack(batch)), batch)
    table = oklab_distance(srgb_to_oklab(batch)[:, None], srgb_to_oklab(batch)[None])
    assert np.allclose(np.diag(table), 0) and np.allclose(table, table.T)


def test_only_bytes_are_levels() -> None:
    with pytest.raises(TypeError, match="uint8"):
        srgb_to_oklab(np.zeros((2, 3)))


def test_green_lies_at_green_s_hue() -> None:
    _, hue = chroma_and_hue(srgb_to_oklab(array((0, 200, 0))))
    assert float(hue) == pytest.approx(142.5, abs=1)
