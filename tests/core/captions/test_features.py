from __future__ import annotations

import pytest

from bespoke_core.captions.features import Mention, feature_of, mentions_of, names_colour, words_of


def mentions(phrase: str) -> dict[str, bool]:
    """Each feature that a phrase speaks of, and whether a hue is said for it."""
    return dict(mentions_of(phrase, words_of(phrase)))


@pytest.mark.parametrize(
    ("phrase", "feature"),
    [
        ("medium light brown eyes", "eyes"),
        ("eyes medium brown", "eyes"),
        ("ombre hair that is dark brown", "hair"),
        ("red bow in hair", "hat"),
        ("white facial hair", "beard"),
        ("brown_hair", "hair"),
        ("wearing a blue shirt.", "clothing"),
        ("slight smile", None),
        ("", None),
    ],
)
def test_the_feature_that_a_phrase_is_about_is_recognised(phrase: str, feature: str | None) -> None:
    assert feature_of(words_of(phrase)) == feature


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("brown hair and a blue shirt", {"hair": True, "clothing": True}),
        ("brown hair and a shirt", {"hair": True, "clothing": False}),
        ("hair and blue eyes", {"hair": False, "eyes": True}),
        ("brown hair and eyes", {"hair": True, "eyes": True}),
        ("hair with brown tips and red shirt", {"hair": True, "clothing": True}),
        ("dark hair with grey highlights", {"hair": True}),
        ("raspberry shirt dark green background", {"clothing": True, "background": True}),
        ("light shirt dark green background", {"clothing": False, "background": True}),
        ("the background is green and the hair is brown", {"background": True, "hair": True}),
        ("A lad with brown hair. The background is green", {"hair": True, "background": True}),
        ("A lad with brown hair. His eyes shine. Green leaves", {"hair": True, "eyes": False}),
        ("bright blue background light skin with stubble", {"background": True, "skin": False}),
        ("red bow in hair", {"hat": True}),
        ("blue shirt and tie", {"clothing": True}),
        ("blue_background", {"background": True}),
        ("slight smile", {}),
    ],
)
def test_each_feature_of_a_phrase_has_its_own_colour_word(phrase: str, expected: dict[str, bool]) -> None:
    assert mentions(phrase) == expected


def test_mentions_stand_in_the_order_of_their_nouns() -> None:
    phrase = "blue shirt, brown hair and eyes"
    assert mentions_of(phrase, words_of(phrase)) == (
        Mention("clothing", True),
        Mention("hair", True),
        Mention("eyes", True),
    )


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [("bluegreen eyes", True), ("light skin", False), ("Hazel eyes", True), ("solid background", False)],
)
def test_light_and_dark_are_no_hues(phrase: str, expected: bool) -> None:
    assert names_colour(words_of(phrase)) is expected
