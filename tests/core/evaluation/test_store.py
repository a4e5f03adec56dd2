"""A sweep's results on disk: found again by content, never beside another picture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sweeps import PLAN, draw, fill

from bespoke_core.errors import InputError
from bespoke_core.evaluation.checkpoints import Checkpoint
from bespoke_core.evaluation.measuring import SpriteSettings
from bespoke_core.evaluation.opening import open_sweep
from bespoke_core.evaluation.plan import SweepPlan
from bespoke_core.evaluation.prompts import TestPrompt
from bespoke_core.evaluation.store import SweepFolder
from bespoke_core.evaluation.table import read_csv


@pytest.fixture
def sweep(tmp_path: Path) -> SweepFolder:
    folder = SweepFolder(tmp_path / "sweep", PLAN, SpriteSettings(width=6, height=6))
    folder.write_plan()
    return folder


def test_every_cell_is_missing_until_it_is_saved(sweep: SweepFolder) -> None:
    assert len(sweep.missing()) == 4
    first = sweep.missing()[0]
    sweep.save(first, draw(first), versions={})
    assert first not in sweep.missing()
    assert len(sweep.missing()) == 3


def test_a_saved_picture_comes_back_bit_for_bit_with_its_settings(sweep: SweepFolder) -> None:
    fill(sweep)
    cell = PLAN.cells[-1]
    record = sweep.record(cell)
    assert record is not None
    with Image.open(sweep.root / "cells" / record.picture) as picture:
        assert np.array_equal(np.asarray(picture), draw(cell))
        assert json.loads(picture.info["bespoke"]) == cell.settings()


def test_a_picture_that_was_replaced_does_not_keep_its_numbers(sweep: SweepFolder) -> None:
    fill(sweep)
    cell = PLAN.cells[0]
    record = sweep.record(cell)
    assert record is not None
    Image.new("RGB", (48, 48), "red").save(sweep.root / "cells" / record.picture)
    assert sweep.record(cell) is None
    assert sweep.missing() == (cell,)
    assert len(sweep.rows()) == 3


def test_another_checkpoint_under_the_same_name_is_another_cell(sweep: SweepFolder) -> None:
    fill(sweep)
    other = SweepPlan(
        (Checkpoint("run", 1, Path("run.safetensors"), "b" * 64),),
        PLAN.prompts,
        PLAN.seeds,
        PLAN.base,
        PLAN.settings,
    )
    assert [cell.checkpoint_name for cell in SweepFolder(sweep.root, other).missing()] == ["run", "run"]


def test_the_table_has_a_row_a_cell_with_hashes_and_scores(sweep: SweepFolder) -> None:
    fill(sweep)
    rows = read_csv(sweep.write_table(sweep.rows()))
    assert [(row.checkpoint, row.epoch) for row in rows] == [("base", None)] * 2 + [("run", 1)] * 2
    for row, cell in zip(rows, PLAN.cells, strict=True):
        record = sweep.record(cell)
        assert record is not None
        assert row.scores["picture_sha256"] == record.picture_sha256
        sprite = draw(cell)[::8, ::8].reshape(-1, 3)
        assert row.scores["unique_colors"] == len(np.unique(sprite, axis=0))


def test_a_sweep_opens_again_with_the_settings_it_was_made_with(sweep: SweepFolder) -> None:
    fill(sweep)
    again = open_sweep(sweep.root)
    assert again.sprites == sweep.sprites
    assert again.rows() == sweep.rows()
    assert again.settings()["seeds"] == [1]


def test_other_sprite_settings_score_the_stored_pictures_again_without_drawing(sweep: SweepFolder) -> None:
    fill(sweep)
    before = {p.name: p.stat().st_mtime_ns for p in (sweep.root / "cells").glob("*.png")}
    finer = SweepFolder(sweep.root, PLAN, SpriteSettings(width=3, height=3))
    assert all("unique_colors" not in row.scores for row in finer.rows()), (
        "scores of other settings are shown"
    )
    assert finer.score_missing() == 4
    assert finer.score_missing() == 0
    assert {p.name: p.stat().st_mtime_ns for p in (sweep.root / "cells").glob("*.png")} == before
    assert max(int(str(row.scores["unique_colors"])) for row in finer.rows()) <= 9


def test_a_folder_without_a_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="plan"):
        open_sweep(tmp_path)
    with pytest.raises(InputError, match="cell"):
        SweepFolder(tmp_path, PLAN).cell("0" * 64)


def test_two_sweeps_of_one_name_keep_their_own_plans(sweep: SweepFolder) -> None:
    fill(sweep)
    fewer = SweepFolder(sweep.root, replace(PLAN, prompts=PLAN.prompts[:1]), sweep.sprites)
    fewer.write_plan()
    assert open_sweep(sweep.root, sweep.key).plan == PLAN
    assert open_sweep(sweep.root, fewer.key).plan == fewer.plan
    assert open_sweep(sweep.root).plan == fewer.plan
    assert (len(sweep.rows()), len(fewer.rows())) == (4, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": ["/../../evil"]},
        {"base": 3},
        {"prompts": [{"name": 1, "text": "x"}]},
        {"settings": [{"steps": "9"}]},
        {"settings": [{"unknown": 1}]},
    ],
)
def test_a_plan_that_is_not_ours_is_refused_by_name(sweep: SweepFolder, change: dict) -> None:
    path = sweep.root / "plan.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    description["plan"].update(change)
    path.write_text(json.dumps(description), encoding="utf-8")
    with pytest.raises(InputError, match=r"plan\.json"):
        open_sweep(sweep.root)


def test_a_long_name_of_any_script_still_fits_a_file_name() -> None:
    long = replace(PLAN.cells[0], prompt=TestPrompt("\u96ea" * 100, "snow"))
    assert len(f"{long.file_stem}.png".encode()) < 255
