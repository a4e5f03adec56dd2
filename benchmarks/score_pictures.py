"""How long all scores of a batch of pictures take, against Pillow shrinking the same pictures with Lanczos.

The promise: all scores of 64 pictures of 512 x 512 take no longer than Pillow takes to resize them to sprites
with Lanczos ten times over. Both run in this process, in turn, in one thread; times are the thread's own, so
that other programs on the machine count little. Then it says where the time goes, and that twice as many
pictures take twice as long.

    python benchmarks/score_pictures.py [--pictures DIR]

Without a folder of generated pictures of 512 x 512, portraits are enlarged, blurred and made noisy until they
have as many colours as those of a diffusion model.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import numpy as np
from PIL import Image

from benchmarks.count_colors import kinds
from bespoke_core.color.phrases import background_asked
from bespoke_core.portraits.draw import draw_portraits
from bespoke_core.scoring.background import match_background
from bespoke_core.scoring.counting import count_colors
from bespoke_core.scoring.features import match_features
from bespoke_core.scoring.grid_fidelity import grid_scores
from bespoke_core.scoring.perceptual import perceptual_colors
from bespoke_core.scoring.reference import ReferenceStatistics, measure_reference
from bespoke_core.scoring.score import score_pictures
from bespoke_core.sprites.background import find_background
from bespoke_core.sprites.downscale import downscale

ROUNDS = 5
COUNT = 64
SIZE = (24, 24)
PROMPT = "pixel art, a lady with red hair and fair skin, wearing a blue shirt, bright green background"


def lanczos(pictures: np.ndarray) -> None:
    """Let Pillow shrink each picture ten times over."""
    for picture in pictures:
        image = Image.fromarray(picture)
        for _ in range(10):
            image.resize(SIZE, Image.Resampling.LANCZOS)


def seconds(work: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def parts(pictures: np.ndarray, reference: ReferenceStatistics) -> dict[str, Callable[[], object]]:
    """Return the work of each score."""
    sprites = downscale(pictures, SIZE, "nearest")
    cells = downscale(pictures, SIZE, "median")
    found = [find_background(one) for one in cells]
    asked = background_asked(PROMPT)
    pairs = list(zip(cells, found, strict=True))
    return {
        "sprites, nearest": lambda: downscale(pictures, SIZE, "nearest"),
        "unique colours": lambda: count_colors(sprites),
        "perceptual colours": lambda: perceptual_colors(sprites),
        "medians of the cells": lambda: downscale(pictures, SIZE, "median"),
        "background, found": lambda: [find_background(one) for one in cells],
        "background, judged": lambda: [match_background(one, asked) for one in found],
        "features": lambda: [match_features(one, behind, PROMPT) for one, behind in pairs],
        "grid": lambda: [grid_scores(one, SIZE) for one in pictures],
        "palette distance": lambda: reference.palette_distances(sprites),
        "edge distance": lambda: reference.edge_distances(sprites),
    }


def main() -> None:
    """Print the ratio, the time by score, and the time by number of pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="generated pictures, all of one size")
    base = kinds(parser.parse_args().pictures)["generated"]
    pictures = np.concatenate([base] * -(-COUNT // len(base)))[:COUNT]
    reference = measure_reference(np.stack([one.pixels for one in draw_portraits(100, 5)]))

    def ours(count: int) -> float:
        prompts = [PROMPT] * count
        return seconds(lambda: score_pictures(pictures[:count], prompts=prompts, reference=reference))

    ours(4)  # modules are loaded now
    fast, slow = [], []
    for _ in range(ROUNDS):
        fast.append(ours(COUNT))
        slow.append(seconds(lambda: lanczos(pictures)))
    mine, theirs = statistics.median(fast), statistics.median(slow)
    print(f"{COUNT} pictures of {base.shape[2]} x {base.shape[1]}, all scores: {mine:.2f} s")
    print(f"Pillow, Lanczos, ten times over:   {theirs:.2f} s, {theirs / mine:.2f} times as long")

    print("\nwhere the time goes        ms a picture   share")
    works = parts(pictures, reference)
    took: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            took[name].append(seconds(work))
    middle = {name: statistics.median(times) for name, times in took.items()}
    for name, value in middle.items():
        print(f"{name:24} {1000 * value / COUNT:14.3f} {value / sum(middle.values()):>7.1%}")

    print("\npictures   ms a picture")
    for count in (COUNT // 8, COUNT // 4, COUNT // 2, COUNT):
        each = statistics.median(ours(count) for _ in range(ROUNDS)) / count
        print(f"{count:>8} {1000 * each:14.2f}")


if __name__ == "__main__":
    main()
