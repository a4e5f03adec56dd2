"""A child process that fills a sweep as a ComfyUI does, cell by cell: FOLDER STORE SEEDS."""

from __future__ import annotations

import sys
from pathlib import Path

from sweeps import draw, sweep_in


def main(root: str, store: str, seeds: str) -> None:
    sweep = sweep_in(Path(root), Path(store), int(seeds))
    sweep.write_plan()
    for cell in sweep.missing():
        sweep.save(cell, draw(cell), versions={}, device="cpu", seconds=0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])
