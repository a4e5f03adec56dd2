"""What the base model learns from: portraits and simple scenes, with captions as people write prompts.

Everything comes from a seed, so the data set is a version number and not a download. A caption names some of
what the picture shows, in an order of its own, with or without the words that every pixel-art caption has.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..portraits.draw import Portrait, draw_portrait
from ..portraits.scenes import draw_scene

VERSION = 1  # raise it when the same seed gives other pictures or captions
SCENE_EVERY = 6  # one drawing in so many is a scene

NO_PROMPTS = (
    "",
    "",
    "",
    "blurry, smooth, photo",
    "blurry, smooth, gradient, photo",
    "blurry",
    "low quality, blurry",
    "photo, realistic, 3d render",
)
"""Texts of negative prompts; the model learns to take them as no prompt, which guidance subtracts."""


@dataclass(frozen=True)
class Drawing:
    """One training example.

    Attributes:
        pixels: uint8 (24, 24, 3).
        caption: what it shows.
        background: the colour words of a background of one colour, else None.
    """

    pixels: NDArray[np.uint8]
    caption: str
    background: str | None


def draw(number: int, seed: int) -> Drawing:
    """Return the drawing of that number in the data set of that seed."""
    dice = random.Random(f"{seed} {number}")
    if number % SCENE_EVERY == SCENE_EVERY - 1:
        scene = draw_scene(dice.getrandbits(40))
        return Drawing(scene.pixels, _caption(list(scene.phrases), "", dice), scene.background)
    portrait = draw_portrait(dice.getrandbits(40), figure=("lad", "lady")[number % 2])
    return Drawing(portrait.pixels, _portrait_caption(portrait, dice), _plain_background(portrait))


def _plain_background(portrait: Portrait) -> str | None:
    feature = portrait.feature("background")
    return feature.color if feature is not None and portrait.background == "solid" else None


def _portrait_caption(portrait: Portrait, dice: random.Random) -> str:
    phrases = []
    for feature in portrait.features:
        words = feature.words
        if feature.kind == "hair" and feature.color and dice.random() < 0.3:
            words = f"{feature.color} hair"
        if words.startswith("wearing ") and dice.random() < 0.5:
            words = words.removeprefix("wearing ")
        if feature.kind == "background" or dice.random() < 0.8:
            phrases.append(words)
    if dice.random() < 0.5:
        phrases.append(portrait.expression)
    who = dice.choice(("portrait of bespoke punk", "portrait of punk", "portrait of"))
    return _caption(phrases, f"{who} {portrait.figure}", dice)


def _caption(phrases: list[str], opening: str, dice: random.Random) -> str:
    phrases = [_background_words(phrase, dice) for phrase in phrases]
    if dice.random() < 0.6:
        dice.shuffle(phrases)
    start = [words for words in ("pixel art", "24x24") if dice.random() < 0.8]
    if opening and dice.random() < 0.95:
        start.append(opening)
    caption = ", ".join([*start, *phrases])
    return caption.replace("grey", "gray") if dice.random() < 0.5 else caption


def _background_words(phrase: str, dice: random.Random) -> str:
    """Write "solid red background" in one of the ways that people do."""
    if not (phrase.startswith("solid ") and phrase.endswith(" background")):
        return phrase
    color = phrase.removeprefix("solid ").removesuffix(" background")
    return dice.choice((phrase, f"{color} background", f"{color} background", f"{color} solid background"))


def no_prompt(number: int, seed: int) -> str:
    """Return the text that stands for "no prompt" in place of a caption."""
    return random.Random(f"no prompt {seed} {number}").choice(NO_PROMPTS)


def held_out_prompts(count: int, seed: int) -> list[tuple[str, str]]:
    """Return prompts that name one background colour each, as (prompt, colour); the colours take turns.

    They come from portraits drawn with a seed of their own, so the model has seen none of them whole.
    """
    from ..portraits.colors import BACKGROUND

    prompts: list[tuple[str, str]] = []
    number = 0
    while len(prompts) < count:
        one = draw(number, seed)
        number += 1
        wanted = BACKGROUND[len(prompts) % len(BACKGROUND)].words
        if "portrait" in one.caption and one.background == wanted:
            prompts.append((one.caption, wanted))
    return prompts
