"""How long a large sweep is planned and taken up again: `python benchmarks/sweep_planning.py [--cells N]`.

Planning lays out every cell with its key; resuming finds out which cells have a whole, unchanged picture on
disk and a row in the store. The rival is the plain way: a JSON record and a fresh SHA-256 of the picture for
each cell, which is what Bespoke itself did before it had a store.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bespoke_core.evaluation.checkpoints import Checkpoint
from bespoke_core.evaluation.hashes import stamp_of
from bespoke_core.evaluation.picture_file import png_bytes
from bespoke_core.evaluation.plan import SweepPlan
from bespoke_core.evaluation.prompts import EIGHT_SCENES
from bespoke_core.evaluation.results import CellRecord, ResultsStore
from bespoke_core.evaluation.settings import SamplerSettings, parse_grid
from bespoke_core.evaluation.store import SweepFolder


def make_plan(cells: int) -> SweepPlan:
    """Return a plan of about so many cells: ten epochs, eight prompts, four settings, many seeds."""
    checkpoints = tuple(
        Checkpoint(f"lora-{n:06}", n, Path(f"lora-{n:06}.safetensors"), f"{n:064x}") for n in range(1, 11)
    )
    grid = parse_grid({"cfg": "7.0, 7.5", "negative_prompt": "(none)\nblurry, smooth, photo"})
    settings = grid.over(SamplerSettings())
    seeds = max(1, round(cells / (11 * len(EIGHT_SCENES) * len(settings))))
    return SweepPlan(checkpoints, EIGHT_SCENES, tuple(range(1, seeds + 1)), "b" * 64, settings)


def timed(work: Callable[[], Any], *, times: int = 3) -> tuple[float, Any]:
    """Return the least of some times in seconds, and the last result."""
    best, result = float("inf"), None
    for _ in range(times):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best, result


def lay_out(plan: SweepPlan) -> int:
    """Plan anew, keys included; return how many keys there are."""
    return len({cell.key for cell in replace(plan).cells})


def fill(sweep: SweepFolder, edge: int) -> None:
    """Put a picture and a row for every cell on disk, and a JSON record as the rival reads it."""
    chance = np.random.default_rng(0)
    cells = sweep.root / "cells"
    cells.mkdir(parents=True)
    picture = chance.integers(0, 256, (edge, edge, 3), dtype=np.uint8)
    records = []
    for cell in sweep.plan.cells:
        path = cells / f"{cell.file_stem}.png"
        data = png_bytes(picture, cell.settings())
        path.write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        records.append(
            CellRecord(
                cell.key, cell.settings(), path.name, sha256, stamp_of(path.stat()), created=time.time()
            )
        )
        record = {
            "key": cell.key,
            "settings": cell.settings(),
            "picture": path.name,
            "picture_sha256": sha256,
        }
        (sweep.root / f"{cell.key}.json").write_text(json.dumps(record), encoding="utf-8")
    sweep.store.put(sweep.folder, records)


def missing_plainly(sweep: SweepFolder) -> int:
    """Return how many cells are missing, reading every record and every picture."""
    missing = 0
    for cell in sweep.plan.cells:
        record = json.loads((sweep.root / f"{cell.key}.json").read_text(encoding="utf-8"))
        data = (sweep.root / "cells" / record["picture"]).read_bytes()
        missing += hashlib.sha256(data).hexdigest() != record["picture_sha256"]
    return missing


def peak(work: Callable[[], Any]) -> float:
    """Return the most memory that a piece of work held at once, in MB."""
    tracemalloc.start()
    work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--edge", type=int, default=256, help="of the pictures, in pixels")
    arguments = parser.parse_args()
    print("cells   plan s   plan MB   resume s   resume MB   plainly s   times")
    for share in (10, 1):
        plan = make_plan(arguments.cells // share)
        planned, _ = timed(lambda plan=plan: lay_out(plan))
        with tempfile.TemporaryDirectory() as folder:
            sweep = SweepFolder(Path(folder) / "s", plan, store=ResultsStore(Path(folder) / "results.sqlite"))
            fill(sweep, arguments.edge)

            def resume(sweep: SweepFolder = sweep) -> int:
                again = SweepFolder(sweep.root, replace(sweep.plan), sweep.sprites, sweep.store)
                return len(again.missing())

            resumed, missing = timed(resume)
            plainly, missing_too = timed(lambda sweep=sweep: missing_plainly(sweep), times=2)
            assert missing == missing_too == 0
            print(
                f"{plan.count:>6}{planned:9.2f}{peak(lambda plan=plan: lay_out(plan)):9.1f}"
                f"{resumed:11.2f}{peak(resume):11.1f}{plainly:12.2f}{plainly / resumed:8.1f}"
            )


if __name__ == "__main__":
    main()
