"""A small sweep whose pictures are made without a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from bespoke_core.evaluation.cells import Cell
from bespoke_core.evaluation.checkpoints import Checkpoint
from bespoke_core.evaluation.measuring import SpriteSettings
from bespoke_core.evaluation.plan import SweepPlan
from bespoke_core.evaluation.prompts import TestPrompt
from bespoke_core.evaluation.results import ResultsStore
from bespoke_core.evaluation.settings import SamplerSettings
from bespoke_core.evaluation.store import SweepFolder

PLAN = SweepPlan(
    (Checkpoint("run", 1, Path("run.safetensors"), "a" * 64),),
    (TestPrompt("green", "bright green background"), TestPrompt("red", "red background")),
    (1,),
    "base-key",
    (SamplerSettings(steps=1, width=48, height=48),),
)
SMALL = SpriteSettings(width=6, height=6)


def draw(cell: Cell) -> np.ndarray:
    """A picture of 48x48 that differs from cell to cell: four by four blocks on a green ground."""
    rng = np.random.default_rng(int(cell.key[:8], 16))
    blocks = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    blocks[0] = blocks[-1] = blocks[:, 0] = blocks[:, -1] = (20, 220, 60)
    return blocks.repeat(8, axis=0).repeat(8, axis=1)


def sweep_in(root: Path, store: Path, seeds: int = 1) -> SweepFolder:
    """A sweep of two prompts with the base and one LoRA: four cells a seed."""
    plan = replace(PLAN, seeds=tuple(range(1, seeds + 1)))
    return SweepFolder(root, plan, SMALL, ResultsStore(store))


def fill(sweep: SweepFolder) -> None:
    """Save a picture for every cell that is missing."""
    for cell in sweep.missing():
        sweep.save(cell, draw(cell), versions={"torch": "test"})
