from __future__ import annotations

import pytest
from caption_texts import CAPTIONS
from hypothesis import given

from bespoke_core.captions.parse import parse
from bespoke_core.captions.style import normal_form, normal_set
from bespoke_core.captions.wording import count_words, remembered_wording, wording, wording_before_code


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sharp  pixel edges.", "sharp pixel edges"),
        ("sharp_pixel_edges", "sharp pixel edges"),
        (" (big) ", "big"),
        ("STRASSE", "straße"),
    ],
)
def test_phrases_are_compared_without_case_blanks_underscores_and_outer_punctuation(
    one: str, other: str
) -> None:
    assert normal_form(one) == normal_form(other)


def test_phrases_of_nothing_but_punctuation_are_no_style_phrases() -> None:
    assert normal_set(["...", "", "8-Bit"]) == {"8-bit"}


def test_a_phrase_says_its_words_and_what_is_wrong_with_them() -> None:
    found = wording("  dark dark brown hair ")
    assert (found.kept, found.text, found.form) == ("  dark dark brown hair", *2 * ("dark dark brown hair",))
    assert (found.words, found.word_count) == (("dark", "dark", "brown", "hair"), 4)
    assert found.doubled == ("dark",)
    assert (found.feature, found.claims) == ("hair", "hair")


@pytest.mark.parametrize(
    "phrase", ["solid background", "brown hair in a bun", "a smile", "shirt", "red bow in hair"]
)
def test_a_phrase_claims_a_hue_only_for_the_noun_that_it_ends_with(phrase: str) -> None:
    assert wording(phrase).claims is None


@pytest.mark.parametrize(
    ("words", "kept", "palette"),
    [
        (" hair: ", " hair", False),
        (" hair - ", " hair", False),
        ("hair \\", "hair", False),
        (" Palette : ", " Palette", True),
        (" - ", "", False),
        ("", "", False),
    ],
)
def test_what_only_binds_a_code_goes_with_it(words: str, kept: str, palette: bool) -> None:
    found = wording_before_code(words)
    assert (found.kept, found.palette) == (kept, palette)


@given(CAPTIONS)
def test_a_phrase_keeps_its_words(text: str) -> None:
    found = wording(text)
    assert text.startswith(found.kept)
    assert found.word_count == count_words(text)
    assert found.says or not found.words


def test_the_phrases_of_a_huge_caption_are_not_remembered() -> None:
    remembered_wording.cache_clear()
    parse("red hat, blue shirt")
    parse(", ".join(f"thing {number}" for number in range(1000)))
    assert remembered_wording.cache_info().currsize == 2
