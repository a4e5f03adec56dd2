"""The cells of a plan are made when they are asked for: in order, by place, by key, in pieces."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from bespoke_core.evaluation.cells import Cell
from bespoke_core.evaluation.checkpoints import Checkpoint
from bespoke_core.evaluation.plan import SweepPlan
from bespoke_core.evaluation.prompts import TestPrompt
from bespoke_core.evaluation.results import ResultsStore
from bespoke_core.evaluation.settings import SamplerSettings
from bespoke_core.evaluation.store import SweepFolder

LORA = Checkpoint("run", 1, Path("run.safetensors"), "a" * 64)
PROMPTS = (TestPrompt("green", "a green one"), TestPrompt("red", "a red one"))
SETTINGS = (SamplerSettings(cfg=7.0), SamplerSettings(cfg=8.0))
PLAN = SweepPlan((LORA,), PROMPTS, (1, 2, 3), "base-key", SETTINGS)


def test_every_cell_stands_at_its_place_lora_by_lora_setting_prompt_seed() -> None:
    expected = [
        Cell(checkpoint, prompt, seed, settings, "base-key")
        for checkpoint, settings, prompt, seed in product((None, LORA), SETTINGS, PROMPTS, (1, 2, 3))
    ]
    cells = PLAN.cells
    assert list(cells) == expected
    assert [cells[place] for place in range(len(cells))] == expected
    assert cells[-1] == expected[-1]
    assert list(cells[3:9]) == expected[3:9]
    assert [cell for piece in cells.pieces(5) for cell in piece] == expected
    assert cells == tuple(expected) and cells != tuple(expected[1:])
    with pytest.raises(IndexError):
        cells[len(cells)]


def test_some_cells_are_a_sequence_of_their_own() -> None:
    some = PLAN.cells.some(place for place in range(len(PLAN.cells)) if place % 7 == 2)
    assert list(some) == list(PLAN.cells)[2::7]
    assert list(some[1:].some([1])) == list(PLAN.cells)[2::7][2:3]
    assert PLAN.cells.some([]) == ()


def test_a_cell_is_found_by_its_whole_key_only() -> None:
    for cell in PLAN.cells:
        assert PLAN.cells.find(cell.key) == cell
    known = PLAN.cells[4].key
    assert PLAN.cells.find(known[:63] + ("0" if known[63] != "0" else "1")) is None
    assert PLAN.cells.find("no key") is None
    assert PLAN.cells.find("") is None


def test_memory_does_not_grow_with_the_pictures_of_a_plan(tmp_path: Path) -> None:
    """A record or an object a picture would take a megabyte for these thousands."""

    def peak(seeds: int) -> int:
        plan = replace(PLAN, seeds=tuple(range(1, seeds + 1)))
        sweep = SweepFolder(tmp_path / "s", plan, store=ResultsStore(tmp_path / "results.sqlite"))
        tracemalloc.start()
        missing = sweep.missing()
        assert len(missing) == plan.count == 8 * seeds
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1)  # what is imported on the way does not count
    few, many = peak(125), peak(500)
    assert many - few < 100_000, "3,000 further pictures took more than 33 bytes each"
