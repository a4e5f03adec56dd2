from __future__ import annotations

import pytest

from bespoke_core.amounts import counted, first_of, plain, score_text, span_text


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 captions"), (1, "1 caption"), (2, "2 captions"), (1203, "1,203 captions")]
)
def test_a_count_is_told_with_its_noun(count: int, told: str) -> None:
    assert counted(count, "caption") == told


def test_the_mean_of_counts_is_told_with_its_noun_too() -> None:
    assert counted(27.5, "colour") == "27.5 colours"
    assert counted(1.0, "colour") == "1 colour"


def test_verbs_and_odd_plurals_are_given() -> None:
    assert counted(1, "picture is", "pictures are") == "1 picture is"
    assert counted(3, "batch", "batches") == "3 batches"


def test_of_many_names_the_first_are_told_and_a_sentence_may_end_behind_them() -> None:
    assert first_of(["a", "b"], 2) == "a, b"
    assert first_of(iter("aabcde"), 2) == "a, b and 3 more"
    assert first_of([], 2) == ""


@pytest.mark.parametrize(
    ("value", "told"),
    [(1e7, "10000000"), (1, "1"), (0.5, "0.5"), (1e-6, "1e-06"), (-2.0, "-2"), (1e300, "1e+300")],
)
def test_a_number_is_told_as_a_configuration_writes_it(value: float, told: str) -> None:
    assert plain(value) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (216.6428, "216.6"),
        (1203.04, "1203.0"),
        (27.44, "27.4"),
        (253.25, "253.3"),
        (-253.75, "-253.8"),
        (1e30, "1000000000000000019884624838656.0"),
        (4.1249, "4.12"),
        (0.03, "0.0300"),
        (-0.0312, "-0.0312"),
        (0.0, "0.0"),
        (-0.0, "0.0"),
        (0.0000321, "3.21e-05"),
        (27, "27"),
    ],
)
def test_a_score_is_told_at_its_own_scale(value: float, told: str) -> None:
    assert score_text(value) == told


def test_an_interval_of_small_distances_can_be_read() -> None:
    assert span_text(0.0312, 0.0451) == "0.0312 to 0.0451"
