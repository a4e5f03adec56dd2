"""Cells that were tried and gave no picture: kept, told, judged around, and forgotten once they are drawn."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from loras import write_lora
from sweeps import PLAN, SMALL, draw, fill, sweep_in

from bespoke_core.comfyui.machines import Drawn, _take_in
from bespoke_core.evaluation.contact_sheet import contact_sheet
from bespoke_core.evaluation.expectation import expect
from bespoke_core.evaluation.problems import DREW_NAN
from bespoke_core.evaluation.results import ResultsStore
from bespoke_core.evaluation.store import SweepFolder
from bespoke_core.evaluation.table import read_csv
from bespoke_core.evaluation.verdict import decide
from bespoke_core.weights_file import not_finite


def with_problem(tmp_path: Path) -> SweepFolder:
    """A sweep of which the LoRA's first picture was NaN and everything else is there."""
    sweep = sweep_in(tmp_path / "a", tmp_path / "results.sqlite")
    base_green, base_red, nan, red = sweep.plan.cells
    for cell in (base_green, base_red, red):
        sweep.save(cell, draw(cell), versions={})
    sweep.leave_out(nan, DREW_NAN)
    return sweep


def test_the_table_says_why_and_the_verdict_judges_what_is_there(tmp_path: Path) -> None:
    sweep = with_problem(tmp_path)
    rows = read_csv(sweep.write_table(sweep.rows()))
    assert [(row.checkpoint, row.prompt, row.scores["problem"]) for row in rows] == [
        ("base", "green", None),
        ("base", "red", None),
        ("run", "green", DREW_NAN),
        ("run", "red", None),
    ]
    assert rows[2].scores["picture"] is None
    for given in (rows, sweep.rows()):
        verdict = decide(given)
        assert verdict.best == "run"
        assert verdict.place("run").interval.n == 1
        assert verdict.place("run").following.pictures == 1, "a picture that is not there was counted"
        assert f"run (1 of 2 pictures): {DREW_NAN}" in verdict.not_measured
    assert len(sweep.pictures()) == 3


def test_one_file_under_two_names_is_told_as_that(tmp_path: Path) -> None:
    twin = replace(PLAN.checkpoints[0], name="twin", epoch=2)
    plan = replace(PLAN, checkpoints=(*PLAN.checkpoints, twin), with_base=False)
    sweep = SweepFolder(tmp_path / "a", plan, SMALL, ResultsStore(tmp_path / "results.sqlite"))
    fill(sweep)
    assert len(list((sweep.root / "cells").glob("*.png"))) == 2, "the same picture was drawn twice"
    rows = read_csv(sweep.write_table(sweep.rows()))
    assert [row.checkpoint for row in rows] == ["run", "run", "twin", "twin"]
    verdict = decide(rows)
    assert not verdict.clear
    assert any("run and twin are the same file" in reason for reason in verdict.reasons)


def test_where_nothing_could_be_drawn_nothing_is_recommended(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path / "a", tmp_path / "results.sqlite")
    for cell in sweep.plan.cells:
        sweep.leave_out(cell, DREW_NAN)
    verdict = decide(read_csv(sweep.write_table(sweep.rows())))
    assert verdict.best is None
    assert any("base (2 of 2 pictures), run (2 of 2 pictures)" in note for note in verdict.not_measured)
    assert verdict.text()
    assert contact_sheet(sweep.pictures()).size


def test_it_is_tried_again_and_forgotten_when_it_succeeds(tmp_path: Path) -> None:
    sweep = with_problem(tmp_path)
    [again] = sweep.to_draw()
    assert sweep.problems() == {again.key: DREW_NAN}
    sweep.save(again, draw(again), versions={})
    assert sweep.problems() == {}
    assert all("problem" not in row.scores for row in sweep.rows())


def test_a_store_of_an_earlier_version_is_read_and_gets_the_table_when_it_is_needed(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path / "a", tmp_path / "results.sqlite")
    fill(sweep)
    with sqlite3.connect(sweep.store.path) as connection:
        connection.execute("DROP TABLE problems")
    rows = sweep.rows()
    assert len(rows) == 4
    sweep.leave_out(sweep.plan.cells[0], DREW_NAN)
    assert sweep.rows() == rows, "a picture that is there counts"


def test_a_lora_with_nan_in_its_file_is_not_tried_and_the_dry_run_says_so(tmp_path: Path) -> None:
    write_lora(tmp_path / "loras" / "bad.safetensors", math.nan)
    bad = replace(
        PLAN.checkpoints[0], name="bad", path=tmp_path / "loras" / "bad.safetensors", sha256="f" * 64
    )
    plan = replace(PLAN, checkpoints=(*PLAN.checkpoints, bad))
    sweep = SweepFolder(tmp_path / "a", plan, SMALL, ResultsStore(tmp_path / "results.sqlite"))
    assert [cell.checkpoint_name for cell in sweep.to_draw()] == ["base", "base", "run", "run"]
    assert len(sweep.missing()) == 6
    told = expect(plan, sweep.to_draw(), sweep.store, "cpu", sweep.unfit)
    assert "Not drawn: bad: its file holds NaN or an infinity (in lora_unet_" in told.text()
    assert "are there already" not in told.text()
    fill_these = sweep.to_draw()
    sweep.leave_out_unfit()
    for cell in fill_these:
        sweep.save(cell, draw(cell), versions={})
    assert "All others are there already" in expect(plan, (), sweep.store, "cpu", sweep.unfit).text()
    assert [row.checkpoint for row in sweep.rows() if "problem" in row.scores] == ["bad", "bad"]


def test_of_a_shared_sweep_the_problem_comes_along_with_the_pictures(tmp_path: Path) -> None:
    source, target = with_problem(tmp_path / "server"), sweep_in(tmp_path / "here", tmp_path / "here.sqlite")
    pictures = {path.name: path.read_bytes() for path in (source.root / "cells").glob("*.png")}
    scores = source.store.scores(source.folder, SMALL.key)
    _take_in(target, Drawn(pictures, scores, None, source.problems()), target.plan.cells, "http://one")
    assert target.rows() == source.rows()


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_found_in_every_number_format(tmp_path: Path, kind: str, bad: float) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    dtype = getattr(torch, kind)
    largest = torch.tensor([torch.finfo(dtype).max, -torch.finfo(dtype).max, 0.0, 1e-7], dtype=dtype)
    save_file({"a": largest, "whole": torch.arange(3)}, tmp_path / "fine.safetensors")
    assert not_finite(tmp_path / "fine.safetensors") is None
    wrong = torch.tensor([1.0, bad], dtype=dtype)
    save_file({"a": largest, "b": wrong}, tmp_path / "bad.safetensors", {"ss_note": "kept"})
    assert not_finite(tmp_path / "bad.safetensors") == "b"
