"""Hair, skin and clothing against the prompt, and colours that ran from one feature into another."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bespoke_core.portraits.caption import plain_caption
from bespoke_core.portraits.draw import draw_portraits
from bespoke_core.scoring.features import Features, features_asked, match_features
from bespoke_core.sprites.background import find_background

GREEN, SKIN, BROWN, BLUE, RED = (3, 220, 115), (224, 172, 105), (90, 56, 37), (70, 70, 140), (190, 30, 40)


def portrait(hair=BROWN, shirt=BLUE, behind=GREEN) -> np.ndarray:
    cells = np.full((24, 24, 3), behind, np.uint8)
    cells[4:20, 6:18] = hair
    cells[8:18, 8:16] = SKIN
    cells[20:, 4:20] = shirt
    return cells


def judged(cells: np.ndarray, prompt: str) -> Features:
    return match_features(cells, find_background(cells), prompt)


def answers(cells: np.ndarray, prompt: str) -> dict[str, str]:
    return {match.feature: match.verdict for match in judged(cells, prompt).matches}


def test_each_feature_of_a_prompt_is_read_with_its_own_colour() -> None:
    asked = features_asked(
        "portrait of a lady with red hair, wearing a blue shirt, green background, (smile)"
    )
    assert {feature: one.regions[0].word for feature, one in asked.items()} == {
        "hair": "red",
        "clothing": "blue",
    }
    assert features_asked("a lad, hair, solid background") == {}


def test_an_answer_shows_the_phrase_as_it_was_written() -> None:
    (hair, clothing) = judged(portrait(), "a lad with brown hair and a blue shirt").matches
    assert hair.asked == clothing.asked == "a lad with brown hair and a blue shirt"


@pytest.mark.parametrize(
    ("prompt", "hair"),
    [("brown hair", "yes"), ("dark brown hair", "yes"), ("bright green hair", "no"), ("blonde hair", "no")],
)
def test_hair_is_judged_by_what_stands_around_the_face(prompt: str, hair: str) -> None:
    assert answers(portrait(), prompt) == {"hair": hair}


def test_clothing_and_hair_are_judged_apart() -> None:
    assert answers(portrait(), "brown hair, red shirt") == {"hair": "yes", "clothing": "no"}
    assert judged(portrait(), "brown hair, red shirt").verdict == "no"
    assert judged(portrait(), "brown hair, blue shirt").verdict == "yes"


def test_what_cannot_be_located_is_not_measured_and_never_no() -> None:
    prompt = "green eyes, red lips, gold earrings, purple hat, red hair"
    found = judged(portrait(), prompt)
    assert {match.verdict for match in found.matches} == {"not measured"}
    assert found.verdict == "not measured"
    assert judged(portrait(), "a lad").verdict == "not asked"
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    assert answers(noise, "red hair") == {"hair": "not measured"}


def test_the_backgrounds_colour_in_the_hair_is_a_bleed() -> None:
    cells = portrait(hair=RED, behind=RED)
    cells[3, 5:19] = cells[3:20, 5] = cells[3:20, 18] = (20, 20, 20)
    assert judged(cells, "brown hair, red background").bleeds == (("background", "hair"),)
    assert judged(cells, "red hair, red background").bleeds == ()
    assert judged(portrait(), "brown hair, green background").bleeds == ()


def test_a_bleed_needs_two_features_that_can_be_located() -> None:
    assert judged(portrait(), "brown hair").bleeds is None
    assert judged(portrait(), "green eyes, purple hat").bleeds is None


def test_the_answers_can_be_written_as_json() -> None:
    for match in judged(portrait(), "brown hair, red shirt, green eyes").matches:
        json.dumps(match.to_dict(), allow_nan=False)


@pytest.mark.parametrize("noise", [0, 6])
def test_true_portraits_are_hardly_ever_contradicted(noise: int) -> None:
    chance = np.random.default_rng(0)
    verdicts: list[str] = []
    for one in draw_portraits(200, 5):
        cells = one.pixels + chance.integers(-noise, noise + 1, one.pixels.shape)
        verdicts += answers(cells.clip(0, 255).astype(np.uint8), plain_caption(one)).values()
    clear = [verdict for verdict in verdicts if verdict in ("yes", "no")]
    assert len(clear) >= 200
    assert clear.count("no") <= 0.02 * len(clear)


def test_a_wrong_colour_is_hardly_ever_called_right() -> None:
    others = {
        "red": "blue",
        "blue": "brown",
        "brown": "green",
        "black": "blonde",
        "blonde": "black",
        "pink": "green",
    }
    verdicts = []
    for one in draw_portraits(200, 6):
        hair = one.feature("hair")
        first = hair.words.split()[0] if hair else ""
        if first in others and one.feature("hat") is None:
            verdicts.append(answers(one.pixels, f"{others[first]} hair").get("hair"))
    clear = [verdict for verdict in verdicts if verdict in ("yes", "no")]
    assert len(clear) >= 40
    assert clear.count("yes") == 0
