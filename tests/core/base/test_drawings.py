"""What the base model learns from: the same for the same seed, and captions that are true."""

from __future__ import annotations

import hashlib
import random
from collections import Counter

import numpy as np
import pytest

from bespoke_core.base.drawings import NO_PROMPTS, SCENE_EVERY, VERSION, draw, held_out_prompts
from bespoke_core.portraits.colors import BACKGROUND
from bespoke_core.portraits.draw import draw_portrait
from bespoke_core.portraits.scenes import THINGS

STARTS = {"pixel art", "24x24"} | {
    f"{who} {figure}"
    for who in ("portrait of bespoke punk", "portrait of punk", "portrait of")
    for figure in ("lad", "lady")
}


@pytest.fixture(scope="module")
def held_out() -> list[tuple[str, str]]:
    return held_out_prompts(100, seed=777)


def test_the_drawings_are_those_that_the_shipped_weights_learnt_from() -> None:
    digest = hashlib.sha256()
    for number in range(60):
        one = draw(number, 1)
        digest.update(one.pixels.tobytes())
        digest.update(one.caption.encode())
    # When a drawing has to change, raise the version: the record of the weights names it.
    assert (VERSION, digest.hexdigest()) == (
        1,
        "800a576f42425f4462795bd520cf19ed7acc1210b740f349ed1d2143f2550d49",
    )


def test_a_drawing_does_not_depend_on_the_ones_before_it() -> None:
    alone = draw(41, 7)
    for number in range(3):
        draw(number, 7)
    again = draw(41, 7)
    assert np.array_equal(alone.pixels, again.pixels)
    assert (alone.caption, alone.background) == (again.caption, again.background)
    assert draw(41, 8).caption != alone.caption


def test_a_caption_names_only_what_the_picture_shows() -> None:
    for number in range(150):
        one = draw(number, 3)
        if number % SCENE_EVERY == SCENE_EVERY - 1:
            continue
        dice = random.Random(f"3 {number}")
        portrait = draw_portrait(dice.getrandbits(40), figure=("lad", "lady")[number % 2])
        assert np.array_equal(portrait.pixels, one.pixels)
        true = STARTS | {portrait.expression}
        for feature in portrait.features:
            true |= {feature.words, feature.words.removeprefix("wearing ")}
            if feature.kind == "hair":
                true.add(f"{feature.color} hair")
            if feature.kind == "background" and portrait.background == "solid":
                true |= {f"{feature.color} background", f"{feature.color} solid background"}
        true |= {words.replace("grey", "gray") for words in true}
        assert not set(one.caption.split(", ")) - true, one.caption


def test_the_background_that_a_caption_names_is_the_colour_around_the_figure() -> None:
    rgb = {color.words: color.rgb for color in BACKGROUND}
    found = [one for one in (draw(number, 4) for number in range(150)) if one.background]
    assert len(found) > 75
    for one in found:
        assert tuple(one.pixels[0, 0]) == rgb[one.background]
        caption = one.caption.replace("gray", "grey")
        assert f"{one.background} background" in caption or f"{one.background} solid background" in caption


def test_a_scene_shows_one_thing_on_one_ground() -> None:
    scenes = [draw(number * SCENE_EVERY + SCENE_EVERY - 1, 5) for number in range(60)]
    things = Counter(thing.words for one in scenes for thing in THINGS if thing.words in one.caption)
    assert set(things) == {thing.words for thing in THINGS}
    assert all("portrait" not in one.caption and one.background for one in scenes)


def test_a_shape_is_twelve_cells_wide_and_fits_below_its_top() -> None:
    for thing in THINGS:
        assert {len(row) for row in thing.rows} == {12}, thing.words
        assert thing.top + len(thing.rows) <= 24


def test_held_out_prompts_ask_for_each_of_twelve_colours(held_out: list[tuple[str, str]]) -> None:
    counts = Counter(color for _, color in held_out)
    assert set(counts) == {color.words for color in BACKGROUND}
    assert len(counts) == 12
    assert set(counts.values()) == {8, 9}
    for prompt, color in held_out:
        assert f"{color} " in prompt.replace("gray", "grey")
        assert "portrait" in prompt


def test_the_score_reads_the_colour_that_a_held_out_prompt_asks_for(held_out: list[tuple[str, str]]) -> None:
    from bespoke_core.color.phrases import background_asked

    assert all(background_asked(prompt) is not None for prompt, _ in held_out)


@pytest.mark.slow
def test_no_held_out_prompt_is_among_the_captions_of_the_training(held_out: list[tuple[str, str]]) -> None:
    from bespoke_core.base.recipe import Recipe

    recipe = Recipe()
    captions = {draw(number, recipe.seed).caption for number in range(recipe.drawings)}
    assert not captions & {prompt for prompt, _ in held_out}


def test_no_prompt_is_written_as_people_do() -> None:
    assert "" in NO_PROMPTS
    assert any("blurry" in text for text in NO_PROMPTS)
