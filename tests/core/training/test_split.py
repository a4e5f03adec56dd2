from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.training.split import balanced_repeats, hold_out


@given(st.integers(0, 60), st.floats(0, 0.9), st.integers(0, 2**32))
def test_every_picture_is_trained_on_or_held_out_and_never_both(count: int, share: float, seed: int) -> None:
    trained, held = hold_out(range(count), share, seed)
    assert sorted([*trained, *held]) == list(range(count))
    assert len(held) == round(count * share)
    assert (trained, held) == (sorted(trained), sorted(held))


def test_another_seed_holds_other_pictures_out() -> None:
    assert len({tuple(hold_out(range(40), 0.2, seed)[1]) for seed in range(20)}) > 15
    assert hold_out(range(40), 0.2, 3) == hold_out(range(40), 0.2, 3)


@pytest.mark.parametrize(
    ("repeats", "wanted", "expected"),
    [
        ([1, 1, 1], 3, [1, 1, 1]),
        ([1, 1, 1], 8, [3, 3, 2]),
        ([2, 2, 2], 3, [2, 2, 0]),
        ([1, 5, 1], 4, [1, 5, 0]),
        ([2, 1], 7, [4, 3]),
        ([], 5, []),
        ([1, 1], 0, [0, 0]),
    ],
)
def test_regularisation_pictures_come_until_there_are_as_many(
    repeats: list[int], wanted: int, expected: list[int]
) -> None:
    assert balanced_repeats(repeats, wanted) == expected


@given(st.lists(st.integers(1, 20), min_size=1, max_size=20), st.integers(0, 300))
def test_an_epoch_shows_enough_of_them_and_no_turn_too_many(repeats: list[int], wanted: int) -> None:
    found = balanced_repeats(repeats, wanted)
    shown = sum(found)
    assert shown >= wanted
    assert shown - wanted < max(repeats)
