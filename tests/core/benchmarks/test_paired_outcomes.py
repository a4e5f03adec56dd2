"""Two arms over the same seeds: the differences, their intervals, and what the words may claim."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "benchmarks"))

from paired_outcomes import BASE, CLEANED, CODES, OUTCOMES, compare, conclusion, table


def rows(codes: list[float], cleaned: list[float], *, share: float = 0.5) -> list[dict[str, Any]]:
    """Rows whose loss is given; the other outcomes do not differ."""
    same = {"background_yes": share, "palette_distance": 3.0}
    return [
        {"arm": arm, "seed": seed, "held_out_loss": loss, **same}
        for arm, losses in ((CODES, codes), (CLEANED, cleaned))
        for seed, loss in enumerate(losses, start=1)
    ]


def test_the_difference_is_cleaned_minus_codes_with_students_interval() -> None:
    *_, loss = compare(rows([1.0, 2.0, 3.0], [2.0, 2.0, 5.0]))
    assert (loss.codes, loss.cleaned, loss.difference, loss.pairs) == (2.0, 3.0, 1.0, 3)
    # Student's t with 2 degrees of freedom at 97.5 % is 4.3027; the differences 1, 0, 2 spread by 1.
    assert loss.high - loss.difference == pytest.approx(4.3027 / 3**0.5, abs=1e-3)
    assert loss.difference - loss.low == pytest.approx(loss.high - loss.difference)


def test_p_is_that_of_all_patterns_of_signs() -> None:
    *_, loss = compare(rows([1.0, 1.0, 1.0], [0.9, 0.8, 0.7]))
    assert loss.p == 2 / 8
    assert loss.corrected == 3 * 2 / 8  # three outcomes


def test_a_seed_that_was_trained_in_one_way_only_is_left_out() -> None:
    *_, loss = compare(rows([1.0, 2.0, 99.0], [1.0, 2.0]))
    assert loss.pairs == 2
    assert loss.codes == 1.5


def test_pairs_are_made_by_seed_and_not_by_order() -> None:
    given = rows([1.0, 2.0, 3.0], [1.5, 2.5, 3.5])
    *_, loss = compare(given[::-1])
    assert loss.low == pytest.approx(0.5) == loss.high


def test_without_a_common_seed_there_is_nothing_to_compare() -> None:
    with pytest.raises(ValueError, match="no seed"):
        compare(rows([1.0], []))


@pytest.mark.parametrize(("step", "better"), [(-0.1, CLEANED), (0.1, CODES)])
def test_seven_seeds_that_agree_name_the_better_captions(step: float, better: str) -> None:
    codes = [1.0 + seed / 10 for seed in range(7)]
    comparisons = compare(rows(codes, [loss + step for loss in codes]))
    assert [one.better for one in comparisons] == [None, None, better]
    words = conclusion(comparisons)
    name = "captions with codes are" if better == CODES else "cleaned captions are"
    assert f"{name} better, by 0.10000 on average" in words
    assert "nothing can be said" not in words
    assert "cannot settle" not in words


def test_higher_is_better_for_the_share_of_right_backgrounds() -> None:
    given = rows([1.0] * 7, [1.0] * 7)
    for row in given:
        row["background_yes"] = 0.75 if row["arm"] == CLEANED else 0.5
    share, *_ = comparisons = compare(given)
    assert share.better == CLEANED
    assert "cleaned captions are better, by 25.0 points" in conclusion(comparisons)


def test_too_few_seeds_are_said_to_settle_nothing_even_when_they_agree() -> None:
    comparisons = compare(rows([1.0] * 5, [0.1] * 5))
    words = conclusion(comparisons)
    assert "5 seeds cannot settle anything" in words
    assert "It takes 7." in words
    assert "nothing can be said here" in words


def test_one_seed_gets_a_table_without_intervals() -> None:
    comparisons = compare(rows([1.0], [0.5]))
    assert "(- to -)" in table(comparisons)
    assert "one seed has no interval" in conclusion(comparisons)


def test_the_table_shows_the_base_model_and_both_arms() -> None:
    alone = {
        "arm": BASE,
        "seed": None,
        "background_yes": 0.125,
        "palette_distance": 9.0,
        "held_out_loss": 2.0,
    }
    shown = table(compare([alone, *rows([1.0, 1.0], [0.5, 1.5])])).splitlines()
    assert len(shown) == 2 + len(OUTCOMES)
    assert "| 12.5 % | 50.0 % | 50.0 % | 0.0 (0.0 to 0.0) | 1.000 | 1.000 |" in shown[2]
    assert "| 2.00000 | 1.00000 | 1.00000 | 0.00000 (-6.35310 to +6.35310) |" in shown[4]


def test_an_outcome_that_never_differs_is_called_the_same_and_gets_no_range() -> None:
    words = conclusion(compare(rows([1.0, 1.1], [0.9, 1.2], share=1.0)))
    assert "asked for: both are the same with every seed (100.0 % on average)." in words
