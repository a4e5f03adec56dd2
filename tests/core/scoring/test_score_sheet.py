"""The sheet of scored pictures shows the first or the worst, and never grows beyond its bound."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bespoke_core.errors import InputError
from bespoke_core.scoring.score import Scores, score_picture
from bespoke_core.scoring.score_sheet import Card, Picked, badness, card_lines, draw_score_sheet

GREEN = np.full((24, 24, 3), (3, 220, 115), dtype=np.uint8)


@pytest.fixture(scope="module")
def plain() -> Scores:
    return score_picture(GREEN, prompt="bright green background")


def changed(scores: Scores, **values) -> Scores:
    return dataclasses.replace(scores, **values)


def test_the_first_are_kept_in_their_order_and_only_their_sprites_are_made(plain: Scores) -> None:
    picked, made = Picked(3), []
    for number in range(50):
        picked.offer(str(number), plain, lambda n=number: made.append(n) or GREEN)
    assert [card.name for card in picked.cards] == ["0", "1", "2"]
    assert made == [0, 1, 2]
    assert picked.title == "The first 3 of 50 pictures"


def test_a_single_colour_is_told_as_one(plain: Scores) -> None:
    told = [text for text, _ in card_lines(Card("a", GREEN, changed(plain, excess_colors=1.0)))]
    assert "1 colour, 1 told apart" in told
    assert "1 colour more than the set" in told


def test_the_worst_have_wrong_colours_first_and_then_too_many(plain: Scores) -> None:
    kinds = {
        "fine": plain,
        "many": changed(plain, excess_colors=40.0),
        "few": changed(plain, excess_colors=-60.0),
        "unclear": changed(plain, background_match="unclear"),
        "wrong": changed(plain, background_match="no"),
        "wrong twice": changed(plain, background_match="no", feature_match="no"),
        "ran": changed(plain, color_bleed="yes"),
    }
    picked = Picked(6, "worst")
    for name, scores in kinds.items():
        picked.offer(name, scores, lambda: GREEN)
    names = [card.name for card in picked.cards]
    assert names == ["wrong twice", "wrong", "ran", "unclear", "few", "many"]
    assert picked.title == "The worst 6 of 7 pictures"
    assert badness(plain) < badness(kinds["many"])


def test_a_sheet_holds_the_sprites_their_swatches_and_names_of_any_length(plain: Scores) -> None:
    cards = [
        Card("a", GREEN, plain),
        Card("folder/" * 40 + "\u96ea \U0001f600 \x00.png", GREEN[:7, :300], plain),
        Card("", np.zeros((400, 300, 3), np.uint8), changed(plain, excess_colors=3.0, color_bleed="yes")),
    ] * 3
    sheet = draw_score_sheet(cards, "nine pictures")
    assert sheet.mode == "RGB" and sheet.width == 1212
    colors = {color for _, color in sheet.getcolors(1 << 24)}
    assert (3, 220, 115) in colors and (0, 0, 0) in colors
    assert "3 colours more than the set" in [text for text, _ in card_lines(cards[2])]
    assert "features: not asked, colours ran" in [text for text, _ in card_lines(cards[2])]


def test_too_many_too_few_or_an_unknown_order_are_refused(plain: Scores) -> None:
    for most in (0, 301, -1):
        with pytest.raises(InputError, match=str(most)):
            Picked(most)
    with pytest.raises(InputError, match="best"):
        Picked(3, "best")
    with pytest.raises(InputError):
        draw_score_sheet([])
