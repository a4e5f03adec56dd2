"""The plain name of a colour, as captioners write it: "dark brown", "bright green", "light gray".

A name is one of 15 basic words, the one that most people give the colour (`color.survey`), with "light",
"dark" or "bright" before it where the colour lies beyond the word's usual shades (`color.words.SHADES`). The
name's own region (`color.phrases.region_of`) holds the colour: what is named here is found again there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .codes import Color
from .difference import ciede2000
from .regions import YES_WITHIN, Region, modified
from .spaces import pack, srgb_to_lab, unpack
from .survey import answer_scores, answers
from .words import SHADES, WORDS

#: The basic words that a name ends with.
BASIC_NAMES = (
    *(
        "black",
        "white",
        "gray",
        "red",
        "orange",
        "yellow",
        "green",
        "teal",
        "blue",
        "purple",
        "pink",
        "brown",
    ),
    *("tan", "olive", "peach"),
)


def _shades_of(word: str) -> tuple[str, ...]:
    shades = SHADES.get(word)
    if shades is None:
        return ()
    asked = {"light": shades.light <= 100, "dark": shades.dark > 0, "bright": shades.vivid is not None}
    return tuple(shade for shade, there in asked.items() if there)


#: Every name that can come out: the basic words, each followed by its shades.
PLAIN_NAMES = tuple(
    name for word in BASIC_NAMES for name in (word, *(f"{shade} {word}" for shade in _shades_of(word)))
)
# Captions hardly say "beige"; those who look at pictures call it tan.
_SAID = {"beige": "tan"}
# Beside the black outlines of a drawing a warm near-black is brown more often than alone on a page.
_NEAR_BLACK = 20  # CIELAB lightness
_WARMER = 1.6  # in log share
# People share one warm tint out among these words, so that each alone has fewer answers than gray.
_WARM = ("brown", "tan", "beige", "peach")
_TINTED = 0.3  # in log share
_LEAST = 3.0  # in log share: an answer that one in twenty as many people give is none
_AT_ONCE = 1 << 15
_MOST_CENTRAL = 512  # colours among which a central one is looked for


def name_of(rgb: Color | NDArray[np.uint8]) -> str:
    """Return the plain name of one colour, (red, green, blue) in 0..255; one of `PLAIN_NAMES`."""
    return names_of(np.array(rgb, dtype=np.uint8)[None])[0]


def names_of(colors: NDArray[np.uint8]) -> list[str]:
    """Return the plain name of every colour, uint8 (N, 3); the same as `name_of` one by one."""
    distinct, back = np.unique(pack(colors.reshape(-1, 3)), return_inverse=True)
    named = [
        _names(unpack(distinct[start : start + _AT_ONCE])) for start in range(0, len(distinct), _AT_ONCE)
    ]
    if not named:
        return []
    every = np.concatenate(named)
    return [PLAIN_NAMES[index] for index in every[back.reshape(-1)]]


def name_of_colors(colors: NDArray[np.uint8], counts: Sequence[int] | NDArray[np.integer]) -> str:
    """Return the one plain name of several colours, uint8 (N, 3), that occur `counts` (N,) times each.

    The basic word that most of the weight has wins ("brown"); its shade is that of the most central colour of
    that word, the one with the smallest mean CIEDE2000 difference to the others by weight. Order does not
    matter.

    Raises:
        ValueError: there is no colour with a weight above 0.
    """
    weight = np.asarray(counts, dtype=np.float64)
    order = np.argsort(pack(colors), kind="stable")
    order = order[weight[order] > 0]
    if len(order) == 0:
        raise ValueError("no colour to name")
    colors, weight = colors[order], weight[order]
    names = names_of(colors)
    basic = np.array([BASIC_NAMES.index(name.split()[-1]) for name in names])
    winner = int(np.argmax(np.bincount(basic, weights=weight, minlength=len(BASIC_NAMES))))
    chosen = np.flatnonzero(basic == winner)
    chosen = np.sort(chosen[np.argsort(-weight[chosen], kind="stable")][:_MOST_CENTRAL])
    lab = srgb_to_lab(colors[chosen])
    apart = ciede2000(lab[:, None], lab[None]) @ weight[chosen]
    return names[chosen[int(np.argmin(apart))]]


@cache
def _regions() -> tuple[Region, ...]:
    split = [name.split() for name in PLAIN_NAMES]
    return tuple(modified(WORDS[words[-1]], set(words[:-1])) for words in split)


def _names(colors: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return indices into `PLAIN_NAMES`: the likeliest answer whose region holds the colour."""
    lab = srgb_to_lab(colors).astype(np.float64)
    scores = _plain_scores(lab)
    likeliest = np.argsort(-scores, axis=1, kind="stable")
    best = scores.max(axis=1)
    result = np.full(len(colors), -1, dtype=np.intp)
    first = result
    for rank in range(likeliest.shape[1]):
        open_ = np.flatnonzero(result < 0)
        answer = likeliest[open_, rank]
        candidates = _shaded(answer, lab[open_])
        if rank == 0:
            first = candidates
        likely = scores[open_, answer] > best[open_] - _LEAST
        if not likely.any():
            break
        for index in np.unique(candidates[likely]):
            those = open_[likely & (candidates == index)]
            held = _regions()[index].distance(colors[those]) <= YES_WITHIN
            result[those[held]] = index
    return np.where(result < 0, first, result)


def _plain_scores(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the survey's scores, mended where its answers to one colour alone on a page mislead."""
    scores = answer_scores(lab)
    column = {word: index for index, word in enumerate(answers())}
    black = scores.argmax(axis=1) == column["black"]
    scores[black & (lab[:, 0] < _NEAR_BLACK), column["brown"]] += _WARMER
    warm = scores[:, [column[word] for word in _WARM]]
    gray = scores[:, column["gray"]]
    tinted = np.logaddexp.reduce(warm, axis=1) + _TINTED > gray
    scores[:, column["gray"]] = np.where(tinted, np.minimum(gray, warm.max(axis=1) - 1e-9), gray)
    return scores


def _shaded(answer: NDArray[np.intp], lab: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return indices into `PLAIN_NAMES` of answers (N,) with the shade that the colours (N, 3) have."""
    level, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    said = np.array([_SAID.get(word, word) for word in answers()])[answer]
    result = np.empty(len(answer), dtype=np.intp)
    for word in np.unique(said).tolist():
        shades = SHADES.get(word)
        those = np.flatnonzero(said == word)
        result[those] = PLAIN_NAMES.index(word)
        if shades is None:
            continue
        there = _shades_of(word)
        if "light" in there:
            light = (level[those] >= shades.light) & (chroma[those] < shades.pale)
            result[those[light]] = PLAIN_NAMES.index(f"light {word}")
        if "dark" in there:
            result[those[level[those] < shades.dark]] = PLAIN_NAMES.index(f"dark {word}")
        if shades.vivid is not None:
            vivid = (chroma[those] >= shades.vivid[0]) & (level[those] >= shades.vivid[1])
            result[those[vivid]] = PLAIN_NAMES.index(f"bright {word}")
    return result
