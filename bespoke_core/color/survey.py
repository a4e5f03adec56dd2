"""What people call a colour: the answers of XKCD's colour survey, as one small formula a word.

In 2010 some 150,000 people named 3.4 million random colours on their screens (xkcd.com/color/rgb; CC0). Heer
and Stone 2012, "Color naming models for color selection, image editing and palette design", count 2.7 million
of the answers by 153 terms and 8,325 cells of CIELAB. ``survey.csv`` holds what a log-linear model
(multinomial regression on L, a, b, their squares and products) learned from those counts after each term was
reduced to its basic word ("sky blue" to blue, "salmon" in equal parts to pink, orange and red): 16 words
with 10 numbers each. ``benchmarks/color_names.py`` makes the table anew and compares it with other rules.

The word with the highest score is the answer of most people: it agrees with 99.7 % as many answers as the
best possible rule for those cells (the nearest of the survey's 949 named colours: 93 %).
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray


@cache
def _table() -> tuple[tuple[str, ...], NDArray[np.float64]]:
    text = (files(__package__) / "survey.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))[1:]
    return tuple(row[0] for row in rows), np.array([row[1:] for row in rows], dtype=np.float64)


def answers() -> tuple[str, ...]:
    """Return the words that have a score, in the order of the columns of `answer_scores`."""
    return _table()[0]


def answer_scores(lab: NDArray[np.floating]) -> NDArray[np.float64]:
    """Score every answer for CIELAB (D65) colours (..., 3): (..., answers); `exp` of them is proportional to
    the share of people who give it."""
    light = (np.asarray(lab[..., 0], dtype=np.float64) - 50) / 50
    a, b = (np.asarray(lab[..., axis], dtype=np.float64) / 60 for axis in (1, 2))
    terms = [np.ones_like(light), light, a, b, light**2, a * a, b * b, light * a, light * b, a * b]
    return np.stack(terms, axis=-1) @ _table()[1].T
