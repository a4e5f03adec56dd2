"""How fast colours are counted, against Pillow's `getcolors` called for each picture.

Both run in this process, in turn, in the same minute; the ratio is of the medians.

    python benchmarks/count_colors.py
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import numpy as np
from PIL import Image

from bespoke_core.portraits.draw import draw_portraits
from bespoke_core.scoring.counting import count_colors

ROUNDS = 7


def pillow(pictures: np.ndarray) -> list[int]:
    """Count with Pillow, one picture after the other."""
    most = pictures.shape[1] * pictures.shape[2]
    return [len(Image.fromarray(picture).getcolors(most) or ()) for picture in pictures]


def seconds(count: Callable[[np.ndarray], object], pictures: np.ndarray) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    count(pictures)
    return time.perf_counter() - start


def main() -> None:
    """Print one line a size."""
    chance = np.random.default_rng(0)
    art = np.stack([portrait.pixels for portrait in draw_portraits(16, seed=0)])
    print("size     pictures  Bespoke /s  Pillow /s  ratio")
    for edge, count in ((24, 4000), (512, 48)):
        factor = -(-edge // art.shape[1])
        one = art.repeat(factor, axis=1).repeat(factor, axis=2)[:, :edge, :edge]
        pictures = np.concatenate([one] * -(-count // len(one)))[:count]
        # as generated pictures are: every pixel a little off
        noise = chance.integers(-2, 3, pictures.shape, dtype=np.int16)
        pictures = np.clip(pictures + noise, 0, 255).astype(np.uint8)
        if list(count_colors(pictures)) != pillow(pictures):
            raise SystemExit("the counts differ")
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(seconds(count_colors, pictures))
            theirs.append(seconds(pillow, pictures))
        fast, slow = statistics.median(ours), statistics.median(theirs)
        print(
            f"{edge}x{edge:<5} {count:>7}  {count / fast:>10,.0f}  {count / slow:>9,.0f}  {slow / fast:>5.1f}"
        )


if __name__ == "__main__":
    main()
