"""What a cleaning changes, word by word."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.captions.word_diff import word_diff

LONG = "word " * 4000


def test_a_removed_code_is_one_run_and_the_words_around_it_are_kept() -> None:
    runs = word_diff("brown hair (#5a3220), green eyes", "brown hair, green eyes")
    assert runs == [(" ", "brown hair"), ("-", " (#5a3220)"), (" ", ", green eyes")]


def test_an_inserted_colour_name_stands_between_the_words_that_were_there() -> None:
    assert word_diff("a hat, hair", "a hat, dark brown hair") == [
        (" ", "a hat, "),
        ("+", "dark brown "),
        (" ", "hair"),
    ]


def test_equal_texts_are_one_kept_run_and_empty_ones_none() -> None:
    assert word_diff("same", "same") == [(" ", "same")]
    assert word_diff("", "") == []


def test_texts_too_long_to_compare_are_shown_whole() -> None:
    assert word_diff(LONG, LONG + "end") == [("-", LONG), ("+", LONG + "end")]
    assert word_diff(LONG, "") == [("-", LONG)]


words = st.lists(st.sampled_from(["hair", "(#ff0000)", ",", " ", "\n", "\u96ea", "x\u0301", "palette:"])).map(
    "".join
)


@given(words | st.text(), words | st.text())
def test_the_runs_render_back_to_both_texts(before: str, after: str) -> None:
    runs = word_diff(before, after)
    assert "".join(text for mark, text in runs if mark != "+") == before
    assert "".join(text for mark, text in runs if mark != "-") == after
    assert all(text for _, text in runs)
    assert all(one[0] != other[0] for one, other in pairwise(runs))
