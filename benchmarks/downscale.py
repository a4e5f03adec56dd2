"""How well pictures are turned back into the true sprites that they show, rivals side by side.

True sprites are enlarged to 512x512, harmed as an autoencoder harms pictures, shrunk by every method and
compared with the truth. A cell of the table is: pixels of exactly the true colour, in percent / pixels in the
right class under the best one-to-one mapping of colours, in percent / mean CIEDE2000 / number of colours. A
sprite of the wrong size has none of its pixels right; its difference is not counted. All methods run in this
process on one core, in turn, picture by picture; times are medians over all but the clean pictures.

    OMP_NUM_THREADS=1 python benchmarks/downscale.py
    OMP_NUM_THREADS=1 python benchmarks/downscale.py --art FOLDER --step 5 --vae NAME=ENCODER,DECODER
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import numpy as np
from downscale_harm import BASIC, Harm, art_from, base_harms, enlarged, portraits, shift_of, vae_harms
from downscale_rivals import Rival, installed_rivals
from scipy.optimize import linear_sum_assignment

from bespoke_core.color.difference import ciede2000
from bespoke_core.color.spaces import pack, srgb_to_lab
from bespoke_core.scoring.counting import count_colors
from bespoke_core.sprites.downscale import METHODS, downscale
from bespoke_core.sprites.search import LEAST_CONFIDENCE, crop_to_grid, search_grid

OWN = ("grid", "median", "mode", "nearest", "box", "lanczos", "k-centroid")


def own_methods() -> list[Rival]:
    """Return our own methods, the default first, then the default without being told the size."""
    if set(OWN) != set(METHODS):
        raise SystemExit("the benchmark lacks a method")
    told = [
        Rival(f"Bespoke {name}", lambda picture, size, name=name: downscale(picture[None], size, name)[0])
        for name in OWN
    ]
    return [told[0], Rival("Bespoke grid, finds the size", _unknown_size), *told[1:]]


def _unknown_size(picture: np.ndarray, _size: tuple[int, int]) -> np.ndarray:
    found = search_grid(picture)
    if found is None or found.confidence < LEAST_CONFIDENCE:
        return np.zeros((0, 0, 3), np.uint8)  # it says so instead of guessing
    return downscale(crop_to_grid(picture, found)[None], found.size)[0]


def same_classes(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the share of pixels in the right class under the best one-to-one mapping of colours."""
    _, one = np.unique(pack(found), return_inverse=True)
    _, other = np.unique(pack(truth), return_inverse=True)
    shared = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(shared, (one.ravel(), other.ravel()), 1)
    rows, columns = linear_sum_assignment(-shared)
    return float(shared[rows, columns].sum() / one.size)


def measure(found: np.ndarray, truth: np.ndarray) -> tuple[float, float, float, float]:
    """Return exact share, class share, mean difference and number of colours."""
    if found.shape != truth.shape:
        return 0.0, 0.0, float("nan"), float("nan")
    difference = float(ciede2000(srgb_to_lab(found), srgb_to_lab(truth)).mean())
    exact = float((found == truth).all(axis=-1).mean())
    return exact, same_classes(found, truth), difference, float(count_colors(found[None])[0])


def run(art: np.ndarray, harms: list[Harm], methods: list[Rival]) -> tuple[dict, dict]:
    """Return what each method recovered under each harm, a row a picture, and how long each call took."""
    size = art.shape[2], art.shape[1]
    results = {(m.name, h.name): [] for m in methods for h in harms}
    seconds = {m.name: [] for m in methods}
    for number, sprite in enumerate(art):
        picture, moved = enlarged(sprite), enlarged(sprite, shift_of(number))
        for harm in harms:
            harmed = np.ascontiguousarray(harm.apply(picture, moved, number))
            for method in methods:
                start = time.perf_counter()
                found = method.shrink(harmed, size)
                if harm.name != "clean":
                    seconds[method.name].append(time.perf_counter() - start)
                results[method.name, harm.name].append(measure(found, sprite))
        print(f"\r{number + 1} of {len(art)} pictures", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return results, seconds


def print_table(results: dict, seconds: dict, harms: list[Harm], methods: list[Rival]) -> None:
    """Print one Markdown table."""
    print("| method | ms | right size % | " + " | ".join(harm.name for harm in harms) + " |")
    print("|---" * (3 + len(harms)) + "|")
    for method in methods:
        cells, right = [], []
        for harm in harms:
            rows = np.array(results[method.name, harm.name])
            sized = ~np.isnan(rows[:, 2])
            right.append(sized.mean())
            exact, classes = 100 * rows[:, :2].mean(axis=0)
            cell = f"{exact:.0f} / {classes:.0f}"
            cells.append(
                cell
                + (f" / {rows[sized, 2].mean():.2f} / {rows[sized, 3].mean():.0f}" if sized.any() else "")
            )
        ms = 1000 * statistics.median(seconds[method.name])
        print(f"| {method.name} | {ms:.1f} | {100 * np.mean(right):.0f} | " + " | ".join(cells) + " |")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=16, help="portraits to draw (default: %(default)s)")
    parser.add_argument("--art", type=Path, help="folder of true sprites (PNG) instead of portraits")
    parser.add_argument("--start", type=int, default=0, help="number of the folder's first picture to take")
    parser.add_argument("--step", type=int, default=1, help="take every STEP-th picture of the folder")
    parser.add_argument("--vae", action="append", default=[], metavar="NAME=ENCODER,DECODER")
    arguments = parser.parse_args()
    art = (
        art_from(arguments.art, arguments.start, arguments.step)
        if arguments.art
        else portraits(arguments.count)
    )
    harms = list(BASIC)
    if importlib.util.find_spec("diffusers"):
        import torch

        torch.set_num_threads(1)
        harms += base_harms()
        for given in arguments.vae:
            harms += vae_harms(given)
    if importlib.util.find_spec("cv2"):
        import cv2

        cv2.setNumThreads(0)
    rivals, absent = installed_rivals()
    methods = own_methods() + rivals
    results, seconds = run(art, harms, methods)
    print(
        f"{len(art)} sprites of {art.shape[2]} x {art.shape[1]}, {count_colors(art).mean():.1f} colours each"
    )
    print_table(results, seconds, harms, methods)
    if absent:
        print(f"Not installed, so not measured: {', '.join(absent)}")


if __name__ == "__main__":
    main()
