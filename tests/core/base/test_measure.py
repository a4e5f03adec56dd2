"""Measuring the base model on prompts that it never saw."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bespoke_core.base.measure import SIZE, measure, sheet, summary
from bespoke_core.base.shipped import read_unchecked, read_weights
from bespoke_core.base.slim import from_layout
from bespoke_core.portraits.colors import BACKGROUND
from bespoke_core.portraits.draw import draw_portraits, enlarge
from bespoke_core.scoring.score import score_pictures

torch = pytest.importorskip("torch")


def of_plain_grounds(grounds: list[str], asked: list[str]):
    """Measure one-coloured pictures with a dark square as if they had been drawn."""
    rgb = {color.words: color.rgb for color in BACKGROUND}
    sprites = np.empty((len(grounds), 24, 24, 3), np.uint8)
    for sprite, ground in zip(sprites, grounds, strict=True):
        sprite[:] = rgb[ground]
        sprite[8:, 6:18] = (20, 20, 30)
    prompts = [(f"portrait of lad, {color} background", color) for color in asked]
    scores = score_pictures(
        np.stack([enlarge(one, SIZE) for one in sprites]), prompts=[prompt for prompt, _ in prompts]
    )
    return summary(scores, prompts, sprites, steps=20, cfg=4.0, seconds=1.0)


def test_right_and_wrong_backgrounds_are_counted_in_all_and_by_colour() -> None:
    found = of_plain_grounds(["red", "blue", "yellow", "blue"], ["red", "red", "yellow", "purple"])
    assert found.count == 4
    assert sum(found.background.values()) == 4
    assert found.background["yes"] == 2
    assert found.by_color["red"] == {"yes": 1, "no": 1, "unclear": 0}
    assert found.by_color["yellow"]["yes"] == 1
    assert found.by_color["purple"]["yes"] == 0
    assert found.unique_colors == 2


def test_a_perfect_model_would_be_found_perfect() -> None:
    colors = [color.words for color in BACKGROUND]
    found = of_plain_grounds(colors, colors)
    assert found.background == {"yes": 12, "no": 0, "unclear": 0}


def test_the_numbers_are_json_and_hold_no_pictures() -> None:
    told = of_plain_grounds(["red"], ["red"]).to_dict()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert set(told) == {
        "count",
        "steps",
        "cfg",
        "background",
        "by_color",
        "grid_fidelity",
        "unique_colors",
        "perceptual_colors",
        "seconds",
    }


def test_the_same_weights_draw_the_same_pictures(packed: Path, tokenizer: str) -> None:
    network = from_layout(read_unchecked(packed))
    one, two = (measure(network, count=3, steps=2, tokenizer_path=tokenizer) for _ in range(2))
    assert one.sprites.shape == (3, 24, 24, 3)
    assert np.array_equal(one.sprites, two.sprites)
    assert sum(one.background.values()) == one.count == 3
    assert len(set(one.prompts)) == 3


def test_the_contact_sheet_has_a_place_for_every_sprite() -> None:
    sprites = np.stack([portrait.pixels for portrait in draw_portraits(14)])
    page = np.asarray(sheet(sprites, columns=12, size=48))
    assert page.shape == (96, 576, 3)
    assert np.array_equal(page[48::2, 48:96:2], enlarge(sprites[13], 48)[::2, ::2])
    assert (page[48:, 96:] == 255).all()


@pytest.mark.slow
def test_the_shipped_model_draws_the_background_that_it_is_asked_for(tokenizer: str) -> None:
    found = measure(from_layout(read_weights()[0]), count=24, steps=12, tokenizer_path=tokenizer)
    assert found.background["yes"] >= 20
    assert found.perceptual_colors > 4  # it is a picture and not a plain ground
