"""How often a colour's name is what people call it, against the usual way: the nearest name of a list.

People's answers are Heer and Stone's counts of XKCD's colour survey ("Color naming models for color
selection, image editing and palette design", 2012): github.com/StanfordHCI/c3, data/xkcd/c3_data.json. They
are not part of this project; give the file. All rules see the same colours, in this process.

    python benchmarks/color_names.py c3_data.json
    python benchmarks/color_names.py c3_data.json --fit survey.csv   # how color/survey.csv was made
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import numpy as np
from coloraide import Color
from matplotlib.colors import XKCD_COLORS

from bespoke_core.color.codes import parse_hex
from bespoke_core.color.difference import ciede2000, oklab_distance
from bespoke_core.color.names import names_of
from bespoke_core.color.spaces import srgb_to_lab, srgb_to_oklab
from bespoke_core.color.survey import answers

# Which basic words a term stands for; in equal parts where there are several. A term that is not listed
# counts for the basic words in it ("darkblue", "yellowgreen").
TERMS = {
    "gray": "grey slate",
    "red": "maroon burgundy brickred crimson bloodred brick wine",
    "orange": "burntorange",
    "yellow": "gold goldenrod mustard",
    "green": "lime seafoamgreen seagreen mint sage",
    "teal": "turquoise cyan aqua aquamarine robinseggblue",
    "blue": "cerulean azure periwinkle",
    "purple": "violet lavender mauve lilac indigo plum eggplant",
    "pink": "rose dustyrose hotpink neonpink",
    "brown": "rust burntsienna",
    "tan": "sand khaki",
    "beige": "cream",
    "peach": "flesh skin",
    "white": "offwhite",
    "pink purple": "magenta fuchsia puce",
    "green yellow": "chartreuse",
    "pink orange red": "salmon coral",
    "brown tan gray": "taupe",
    "brown orange": "terracotta",
    "brown yellow": "ochre",
    "green blue teal": "bluegreen greenblue",
    "olive green": "puke armygreen",
}
OF_TERM = {term: words.split() for words, terms in TERMS.items() for term in terms.split()}
SPELLED = {"grey": "gray", "violet": "purple", "turquoise": "teal"}
LIKE = {"beige": "tan"}  # one word for both, as names have it


def basic_words(term: str) -> list[str]:
    """Return the basic words that a term counts for."""
    found = [SPELLED.get(word, word) for word in (*answers(), *SPELLED) if word in term]
    return OF_TERM.get(term) or list(dict.fromkeys(found))


def read_answers(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells' colours in CIELAB (n, 3), and each answer's share of the people (n, answers)."""
    data = json.loads(path.read_text(encoding="utf-8"))
    lab = np.array(data["color"], dtype=float).reshape(-1, 3)
    index, counts = np.array(data["T"]).reshape(-1, 2).T
    people = np.zeros((len(lab), len(data["terms"])))
    people[index // len(data["terms"]), index % len(data["terms"])] = counts
    shares = np.zeros((len(lab), len(answers())))
    for column, term in enumerate(data["terms"]):
        for word in (words := basic_words(term)):
            shares[:, answers().index(word)] += people[:, column] / len(words)
    return lab, shares / people.sum(axis=1, keepdims=True)


def survey_rows(plain: bool) -> tuple[np.ndarray, list[str]]:
    """Return the colours of the survey's names with one basic word, and that word; all or `plain` ones."""
    colors, words = [], []
    for name, code in XKCD_COLORS.items():
        parts = [SPELLED.get(part, part) for part in re.split(r"[ /]", name.removeprefix("xkcd:"))]
        basic = [part for part in parts if part in answers()]
        rest = {part for part in parts if part not in answers()}
        if len(basic) == 1 and (not plain or rest <= {"light", "dark", "bright", "pale", "deep"}):
            colors.append(parse_hex(code))
            words.append(basic[0])
    return np.array(colors, dtype=np.uint8), words


def nearest(distance: Callable, space: Callable, *, plain: bool, votes: int = 1) -> Callable:
    """Return a rule: the word of the nearest row, or the one that most of the nearest rows have."""

    def rule(colors: np.ndarray) -> list[str]:
        rows, words = survey_rows(plain)
        named = []
        for part in np.array_split(colors, 20):
            order = distance(space(part)[:, None], space(rows)[None]).argsort(axis=1)[:, :votes]
            chosen = [[words[row] for row in line] for line in order]
            named += [
                max(line, key=lambda word, line=line: (line.count(word), -line.index(word)))
                for line in chosen
            ]
        return named

    return rule


def terms_of(lab: np.ndarray) -> np.ndarray:
    """Return the model's ten terms of colours (n, 3): 1, L, a, b, their squares and products."""
    light, a, b = ((lab - [50, 0, 0]) / [50, 60, 60]).T
    return np.stack(
        [np.ones_like(light), light, a, b, light**2, a * a, b * b, light * a, light * b, a * b], axis=-1
    )


def fit(lab: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the weights (10, answers) of the multinomial regression with the highest likelihood."""
    from scipy.optimize import minimize

    inputs, wanted = terms_of(lab), shares / shares.sum(axis=1, keepdims=True)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(inputs.shape[1], -1)
        scores = inputs @ weights
        log = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
        gradient = inputs.T @ (np.exp(log) - wanted) / len(lab)
        return float(-(wanted * log).sum() / len(lab) + 1e-6 * (flat**2).sum()), (
            gradient + 2e-6 * weights
        ).ravel()

    start = np.zeros(inputs.shape[1] * shares.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1500, "maxfun": 2000})
    weights = found.x.reshape(inputs.shape[1], -1)
    return weights - weights.mean(axis=1, keepdims=True)


def compare(lab: np.ndarray, shares: np.ndarray) -> None:
    """Print one line a rule."""
    screen = [Color("lab-d65", cell).convert("srgb").fit(method="clip").coords() for cell in lab.tolist()]
    colors = (np.array(screen) * 255).round().astype(np.uint8)
    merged = list(dict.fromkeys(LIKE.get(word, word) for word in answers()))
    people = np.zeros((len(lab), len(merged)))
    for column, word in enumerate(answers()):
        people[:, merged.index(LIKE.get(word, word))] += shares[:, column]
    rules = {
        "Bespoke": lambda some: [name.split()[-1] for name in names_of(some)],
        "nearest of all names, CIEDE2000": nearest(ciede2000, srgb_to_lab, plain=False),
        "nearest of all names, OKLab": nearest(oklab_distance, srgb_to_oklab, plain=False),
        "vote of the 7 nearest, CIEDE2000": nearest(ciede2000, srgb_to_lab, plain=False, votes=7),
        "nearest plain name, CIEDE2000": nearest(ciede2000, srgb_to_lab, plain=True),
        "nearest plain name, OKLab": nearest(oklab_distance, srgb_to_oklab, plain=True),
    }
    print("rule                               people agree  of what is possible   colours/s")
    for title, rule in rules.items():
        start = time.perf_counter()
        named = np.array([merged.index(LIKE.get(word, word)) for word in rule(colors)])
        took = time.perf_counter() - start
        share = people[np.arange(len(named)), named].mean()
        possible = people.max(axis=1).mean()
        print(f"{title:<34} {share:>11.1%}  {share / possible:>18.1%}  {len(colors) / took:>10,.0f}")


def main() -> None:
    """Print one line a rule, or write the table that the library has."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("answers", type=Path, help="c3_data.json")
    parser.add_argument("--fit", type=Path, metavar="CSV", help="fit the model and write its table here")
    given = parser.parse_args()
    lab, shares = read_answers(given.answers)
    if given.fit:
        rows = [
            [word, *map(float, row.round(2))] for word, row in zip(answers(), fit(lab, shares).T, strict=True)
        ]
        with given.fit.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([["answer", "1", "L", "a", "b", "LL", "aa", "bb", "La", "Lb", "ab"], *rows])
        return
    compare(lab, shares)


if __name__ == "__main__":
    main()
