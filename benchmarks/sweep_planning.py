"""How long a large sweep is planned and taken up again, and what memory that takes.

`python benchmarks/sweep_planning.py [--cells N] [--memory]`

Planning lays out every cell with its key; resuming finds out which cells have a whole, unchanged picture on
disk and a row in the store. The rival is the plain way: a JSON record and a fresh SHA-256 of the picture for
each cell, which is what Bespoke itself did before it had a store. `--memory` holds sweeps of a thousand, ten
thousand and a hundred thousand pictures beside each other; its rival keeps every cell and every record.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bespoke_core.evaluation.cells import Cell
from bespoke_core.evaluation.checkpoints import Checkpoint
from bespoke_core.evaluation.hashes import stamp_of
from bespoke_core.evaluation.picture_file import png_bytes
from bespoke_core.evaluation.plan import SweepPlan
from bespoke_core.evaluation.prompts import EIGHT_SCENES
from bespoke_core.evaluation.records import CellRecord
from bespoke_core.evaluation.results import ResultsStore
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
    """Plan anew, keys included; return how many cells have one."""
    return sum(1 for cell in replace(plan).cells if cell.key)


def keep_all(sweep: SweepFolder) -> int:
    """Plan and resume with every cell and every record kept at once; return how many are missing."""
    by_key = {cell.key: cell for cell in replace(sweep.plan).cells}
    known = sweep.store.cells(sweep.folder)
    return len([cell for key, cell in by_key.items() if key not in known])


def fill(sweep: SweepFolder, edge: int, *, plainly: bool = True) -> None:
    """Put a picture and a row for every cell on disk; with `plainly` the rival's JSON record, too."""
    chance = np.random.default_rng(0)
    cells = sweep.root / "cells"
    cells.mkdir(parents=True)
    picture = chance.integers(0, 256, (edge, edge, 3), dtype=np.uint8)
    for piece in sweep.plan.cells.pieces(5000):
        records = [put_picture(cell, cells, picture) for cell in piece]
        sweep.store.put(sweep.folder, records)
        for record in records if plainly else ():
            text = json.dumps(record.to_dict())
            (sweep.root / f"{record.key}.json").write_text(text, encoding="utf-8")


def put_picture(cell: Cell, folder: Path, picture: np.ndarray) -> CellRecord:
    """Write one picture; return its record."""
    path = folder / f"{cell.file_stem}.png"
    data = png_bytes(picture, cell.settings())
    path.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    stamp = stamp_of(path.stat())
    return CellRecord(cell.key, cell.settings(), path.name, sha256, stamp, created=time.time())


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
    parser.add_argument("--memory", action="store_true", help="measure memory, not time")
    arguments = parser.parse_args()
    if arguments.memory:
        print_memory((1_000, 10_000, 100_000))
    else:
        print_times((arguments.cells // 10, arguments.cells), arguments.edge)


def print_times(sizes: Sequence[int], edge: int) -> None:
    """Print how long planning and resuming take."""
    print("cells   plan s   resume s   plainly s   times")
    for size in sizes:
        plan = make_plan(size)
        planned, _ = timed(lambda plan=plan: lay_out(plan))
        with tempfile.TemporaryDirectory() as folder:
            sweep = sweep_at(Path(folder), plan)
            fill(sweep, edge)
            resumed, missing = timed(lambda sweep=sweep: resume(sweep))
            plainly, missing_too = timed(lambda sweep=sweep: missing_plainly(sweep), times=2)
            assert missing == missing_too == 0
            print(f"{plan.count:>6}{planned:9.2f}{resumed:11.2f}{plainly:12.2f}{plainly / resumed:8.1f}")


def print_memory(sizes: Sequence[int]) -> None:
    """Print the most memory held at once, in MB: for planning, resuming, finding a cell by its key."""
    print("cells    plan   resume, all missing   resume, all there   cell by key   all kept")
    for size in sizes:
        plan = make_plan(size)
        with tempfile.TemporaryDirectory() as folder:
            sweep = sweep_at(Path(folder), plan)
            resume(sweep)  # what is imported on the way is not counted
            last = plan.cells[-1].key
            planned = peak(lambda plan=plan: lay_out(plan))
            empty = peak(lambda sweep=sweep: resume(sweep))
            fill(sweep, 8, plainly=False)
            full = peak(lambda sweep=sweep: resume(sweep))
            found = peak(lambda plan=plan, last=last: replace(plan).cells.find(last))
            kept = peak(lambda sweep=sweep: keep_all(sweep))
            print(f"{plan.count:>6}{planned:8.2f}{empty:22.2f}{full:20.2f}{found:14.2f}{kept:11.1f}")


def sweep_at(folder: Path, plan: SweepPlan) -> SweepFolder:
    """Return a sweep of a plan in a folder of its own."""
    return SweepFolder(folder / "s", plan, store=ResultsStore(folder / "results.sqlite"))


def resume(sweep: SweepFolder) -> int:
    """Take a sweep up as a new process does; return how many cells are missing."""
    again = SweepFolder(sweep.root, replace(sweep.plan), sweep.sprites, sweep.store)
    return len(again.missing())


if __name__ == "__main__":
    main()
