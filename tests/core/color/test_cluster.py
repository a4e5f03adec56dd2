"""Colours that look the same are merged alike however they come."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bespoke_core.color.cluster import MOST_COLORS, grow_tree


@given(st.integers(1, 300), st.integers(1, 256), st.integers(0, 99), st.floats(0, 60))
@settings(deadline=None, max_examples=60)
def test_the_number_of_groups_is_that_of_the_cut(
    number: int, levels: int, seed: int, threshold: float
) -> None:
    colors = np.random.default_rng(seed).integers(0, levels, (number, 3)).astype(np.uint8)
    tree = grow_tree(colors)
    assert tree.count(threshold) == len(np.unique(tree.cut(threshold)))


@pytest.mark.slow
def test_more_colours_than_a_table_holds_are_counted_by_their_groups() -> None:
    colors = np.random.default_rng(0).integers(0, 256, (3 * MOST_COLORS, 3)).astype(np.uint8)
    tree = grow_tree(colors)
    assert len(tree.colors) > MOST_COLORS >= len(tree.joins) + 1
    for threshold in (2.0, 8.0, 30.0):
        assert tree.count(threshold) == len(np.unique(tree.cut(threshold)))


def test_where_joins_are_as_high_as_the_threshold_they_are_not_made() -> None:
    tree = grow_tree(np.array([[0, 0, 0], [9, 9, 9], [255, 255, 255]], dtype=np.uint8))
    for height in tree.heights:
        assert tree.count(height) == len(np.unique(tree.cut(height)))
        assert tree.count(np.nextafter(height, 99)) == tree.count(height) - 1
