"""How fast colours are counted, against Pillow's `getcolors` called for each picture.

Both run in this process, in turn, in one thread; times are the thread's own, so that other programs on the
machine count little, and the ratio is of the medians. The floor is how long this machine takes to read the
pictures' bytes from memory once.

    python benchmarks/count_colors.py [--pictures DIR]

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
from PIL import Image, ImageFilter

from bespoke_core.portraits.draw import draw_portraits
from bespoke_core.scoring.counting import count_colors
from bespoke_core.sprites.pictures import list_pictures, read_picture

ROUNDS = 15
EDGE = 512


def pillow(pictures: np.ndarray) -> list[int]:
    """Count with Pillow, one picture after the other."""
    most = pictures.shape[1] * pictures.shape[2]
    return [len(Image.fromarray(picture).getcolors(most) or ()) for picture in pictures]


def seconds(count: Callable[[np.ndarray], object], pictures: np.ndarray) -> float:
    """Return how long one call takes."""
    start = time.thread_time()
    count(pictures)
    return time.thread_time() - start


def bandwidth() -> float:
    """Return how many bytes a second one thread reads from memory."""
    block = np.ones(1 << 25, dtype=np.uint64)
    return block.nbytes / statistics.median(seconds(np.sum, block) for _ in range(ROUNDS))


def noisy(pictures: np.ndarray, levels: int) -> np.ndarray:
    """Move every pixel by up to so many levels."""
    noise = np.random.default_rng(0).integers(-levels, levels + 1, pictures.shape, dtype=np.int16)
    return np.clip(pictures + noise, 0, 255).astype(np.uint8)


def softened(picture: np.ndarray) -> np.ndarray:
    """Blur a picture's edges and shade it, as a decoder does."""
    y, x = np.mgrid[:EDGE, :EDGE] / EDGE
    shade = np.stack([12 * np.sin(9 * x + 3 * y), 12 * np.cos(5 * x - 7 * y), 12 * np.sin(11 * y)], axis=-1)
    soft = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(1.5)))
    return np.clip(soft + shade, 0, 255).astype(np.uint8)


def kinds(folder: Path | None) -> dict[str, np.ndarray]:
    """Return the pictures to count, by kind."""
    art = np.stack([portrait.pixels for portrait in draw_portraits(16, seed=0)])
    factor = -(-EDGE // art.shape[1])
    clean = np.ascontiguousarray(art.repeat(factor, axis=1).repeat(factor, axis=2)[:, :EDGE, :EDGE])
    if folder is None:
        generated = noisy(np.stack([softened(one) for one in clean]), 2)
    else:
        generated = np.stack([read_picture(path) for path in list_pictures([folder])])
    return {
        "sprites": noisy(np.concatenate([art] * 250), 2),
        "generated": generated,
        "enlarged": clean,
        "enlarged, noisy": noisy(clean, 2),
    }


def main() -> None:
    """Print one line a kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="generated pictures, all of one size")
    pace = bandwidth()
    print(f"memory: {pace / 1e9:.1f} GB/s")
    print("kind             size     colours  Bespoke /s  Pillow /s  ratio  of the floor")
    for kind, pictures in kinds(parser.parse_args().pictures).items():
        counts = count_colors(pictures)
        if counts.tolist() != pillow(pictures):
            raise SystemExit("the counts differ")
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(seconds(count_colors, pictures))
            theirs.append(seconds(pillow, pictures))
        fast, slow = (len(pictures) / statistics.median(times) for times in (ours, theirs))
        height, width = pictures.shape[1:3]
        print(
            f"{kind:16} {f'{width}x{height}':8} {np.median(counts):>7,.0f}  {fast:>10,.0f}  {slow:>9,.0f}"
            f"  {fast / slow:>5.1f}  {fast * pictures[0].nbytes / pace:>12.1%}"
        )


if __name__ == "__main__":
    main()
