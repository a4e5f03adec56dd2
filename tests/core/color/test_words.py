"""The one list of colour words."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bespoke_core.captions.features import COLOUR_WORDS
from bespoke_core.color.phrases import region_of
from bespoke_core.color.words import BRIGHT, DARK, LIGHT, NEUTRAL, SHADES, UNLOCATABLE, WORDS, color_words


def test_every_colour_word_has_a_region_or_is_known_to_have_none() -> None:
    for word in color_words():
        assert (region_of(word) is None) == (word in UNLOCATABLE)


def test_captions_know_no_colour_word_that_colours_do_not_know() -> None:
    assert color_words() >= COLOUR_WORDS


def test_a_shade_alone_is_no_colour() -> None:
    assert color_words().isdisjoint(LIGHT | DARK | BRIGHT | NEUTRAL)


@pytest.mark.parametrize("word", sorted(WORDS))
def test_boxes_are_colours(word: str) -> None:
    entry = WORDS[word]
    assert entry.kind in {*SHADES, "black", "white"}
    for box in entry.boxes:
        assert 0 <= box.lightness[0] < box.lightness[1] <= 100
        assert 0 <= box.chroma[0] < box.chroma[1] <= 200
        assert box.hue is None or all(0 <= hue < 360 for hue in box.hue)


def test_the_list_costs_captions_no_numpy() -> None:
    code = "import sys, bespoke_core.color.words; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
