"""Names against an independent colour library, and the survey's own colours."""

from __future__ import annotations

import csv
import math
from importlib.resources import files

import numpy as np
import pytest
from coloraide import Color

from bespoke_core.color.codes import parse_hex
from bespoke_core.color.names import PLAIN_NAMES, name_of
from bespoke_core.color.regions import YES_WITHIN, Region, modified
from bespoke_core.color.survey import answer_scores, answers
from bespoke_core.color.words import SHADES, WORDS, Box

ROWS = list(
    csv.DictReader((files("bespoke_core.color") / "survey.csv").read_text(encoding="utf-8").splitlines())
)


def lab_of(rgb: tuple[int, int, int]) -> tuple[float, float, float]:
    light, a, b = Color("srgb", [level / 255 for level in rgb]).convert("lab-d65").coords()
    return light, a, b


def scores_of(rgb: tuple[int, int, int]) -> dict[str, float]:
    light, a, b = lab_of(rgb)
    values = {"L": (light - 50) / 50, "a": a / 60, "b": b / 60}
    return {
        row["answer"]: sum(
            float(weight) * math.prod(values[letter] for letter in term if letter != "1")
            for term, weight in row.items()
            if term != "answer"
        )
        for row in ROWS
    }


def difference(box: Box, lab: tuple[float, float, float]) -> float:
    """The CIEDE2000 difference to the box's nearest lightness, chroma and hue, by coloraide."""
    light, chroma = lab[0], math.hypot(lab[1], lab[2])
    hue = math.degrees(math.atan2(lab[2], lab[1])) % 360
    if box.hue is not None and (hue - box.hue[0]) % 360 > (box.hue[1] - box.hue[0]) % 360:
        hue = min(box.hue, key=lambda end: abs((hue - end + 180) % 360 - 180))
    light, chroma = (
        min(max(light, box.lightness[0]), box.lightness[1]),
        min(max(chroma, box.chroma[0]), box.chroma[1]),
    )
    nearest = Color(
        "lab-d65", [light, chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))]
    )
    return Color("lab-d65", list(lab)).delta_e(nearest, method="2000", space="lab-d65")


def region(name: str) -> Region:
    *shade, word = name.split()
    return modified(WORDS[word], set(shade))


def sample(count: int, seed: int) -> list[tuple[int, int, int]]:
    return [tuple(map(int, rgb)) for rgb in np.random.default_rng(seed).integers(0, 256, (count, 3))]


@pytest.mark.parametrize("rgb", [*sample(60, 1), (0, 0, 0), (255, 255, 255), (0, 0, 255), (128, 128, 128)])
def test_scores_agree_with_coloraide(rgb: tuple[int, int, int]) -> None:
    from bespoke_core.color.spaces import srgb_to_lab

    ours = dict(zip(answers(), answer_scores(srgb_to_lab(np.array(rgb, dtype=np.uint8))), strict=True))
    assert ours == pytest.approx(scores_of(rgb), abs=0.02)


def test_the_name_is_the_likeliest_answer_by_coloraide() -> None:
    clear = 0
    for rgb in sample(300, 2):
        lab, scores, name = lab_of(rgb), scores_of(rgb), name_of(rgb)
        assert min(difference(box, lab) for box in region(name).boxes) <= YES_WITHIN + 0.05
        (word, best), (_, second) = sorted(scores.items(), key=lambda item: -item[1])[:2]
        mended = word in ("gray", "black", "beige")
        inside = min(difference(box, lab) for box in WORDS[word].boxes) < 1e-6
        if best - second > 0.1 and inside and not mended:
            clear += 1
            assert name.split()[-1] == word
    assert clear > 200


@pytest.mark.parametrize("rgb", sample(25, 3))
@pytest.mark.parametrize("name", ["dark brown", "bright green", "light gray", "blue", "peach"])
def test_distances_to_regions_agree_with_coloraide(name: str, rgb: tuple[int, int, int]) -> None:
    ours = float(region(name).distance(np.array(rgb, dtype=np.uint8)))
    assert ours == pytest.approx(min(difference(box, lab_of(rgb)) for box in region(name).boxes), abs=0.05)


@pytest.mark.parametrize(
    ("word", "darker", "lighter"),
    [("brown", "#4a3521", "#9b7654"), ("green", "#1d5a1d", "#90ee90"), ("blue", "#101e50", "#8fb8f0")],
)
def test_shades_begin_where_the_table_says(word: str, darker: str, lighter: str) -> None:
    """Between a dark and a light colour the name changes at the table's lightness and nowhere else."""
    ends = np.array([parse_hex(darker), parse_hex(lighter)], dtype=float)
    for step in np.linspace(0, 1, 40):
        rgb = tuple(int(level) for level in (ends[0] * (1 - step) + ends[1] * step).round())
        light = lab_of(rgb)[0]
        if min(abs(light - SHADES[word].dark), abs(light - SHADES[word].light)) < 0.1:
            continue
        shade = "dark " if light < SHADES[word].dark else "light " if light >= SHADES[word].light else ""
        assert name_of(rgb) == f"{shade}{word}"


def test_every_plain_name_has_a_region() -> None:
    assert all(region(name).boxes for name in PLAIN_NAMES)
