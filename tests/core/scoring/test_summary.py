"""Scores in a few lines of plain text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bespoke_core.scoring.score import score_pictures
from bespoke_core.scoring.summary import scores_text
from bespoke_core.scoring.vae_floor import measure_vae_floor


def test_it_says_how_many_colours_and_how_the_prompt_was_followed() -> None:
    art = np.full((2, 48, 48, 3), (20, 200, 30), np.uint8)
    art[1] = (200, 20, 30)
    text = scores_text(score_pictures(art, prompts=["a lad, green background"] * 2))
    assert "2 pictures scored." in text
    assert "Unique colours: 1 in the median, 1 to 1." in text
    assert "Colour of background as the prompt asks: 1 yes, 1 no." in text
    assert "palette_distance" in text.splitlines()[-1]
    assert "unique_colors" not in text


def test_without_a_prompt_it_says_that_nothing_was_compared() -> None:
    text = scores_text(score_pictures(np.zeros((1, 24, 24, 3), np.uint8)))
    assert "1 picture scored." in text
    assert "background_match" in text.splitlines()[-1]
    assert "yes" not in text


def test_it_says_how_many_pictures_lie_at_or_under_what_the_vae_alone_makes() -> None:
    flat = np.zeros((1, 48, 48, 3), np.uint8)
    busy = np.random.default_rng(1).integers(0, 256, (1, 48, 48, 3), dtype=np.uint8)
    scores = score_pictures(np.concatenate([flat, busy]))

    def noisy(batch: np.ndarray) -> np.ndarray:
        return batch + np.arange(48, dtype=np.uint8)[:, None] // 2  # a colour for each row of cells

    floor = measure_vae_floor(flat, noisy, shape=(48, 48))
    text = scores_text(scores, floor=floor)
    assert "VAE floor: true art of 1 colour has 24 " in text
    assert "At or under that: 1 of 2" in text


def test_a_vae_that_adds_no_colour_is_no_reason_to_doubt_the_pictures() -> None:
    flat = np.zeros((1, 48, 48, 3), np.uint8)
    floor = measure_vae_floor(flat, lambda batch: batch, shape=(48, 48))
    text = scores_text(score_pictures(flat), floor=floor)
    assert "true art keeps its 1 colour on" in text
    assert "nothing about the LoRA" not in text


def test_it_says_in_how_many_pictures_a_colour_ran_into_another_feature() -> None:
    one = score_pictures(np.zeros((1, 24, 24, 3), np.uint8))[0]
    scores = [replace(one, color_bleed=answer) for answer in ("yes", "no", "no", "not measured")]
    assert "One feature's colour ran into another: 1 of 3." in scores_text(scores)
    assert "ran into" not in scores_text([one])
