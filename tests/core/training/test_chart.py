"""What people see of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bespoke_core.events import EventLog
from bespoke_core.training.chart import loss_chart, notices


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    log = EventLog(tmp_path / "events.jsonl")
    log.write("start", steps=4)
    log.write("notice", text="xformers is not needed")
    for step, loss in enumerate([0.5, 0.4, 0.3, 0.2], 1):
        log.write("step", step=step, steps=4, epoch=1 + (step > 2), epochs=2, loss=loss)
        if step % 2 == 0:
            log.write("epoch", epoch=step // 2, step=step)
    log.close()
    return tmp_path


def test_the_loss_chart_is_a_picture_of_the_size_asked_for_with_a_curve_in_it(run_folder: Path) -> None:
    chart = loss_chart(run_folder, size=(600, 300))
    assert chart.size == (600, 300)
    blue = np.all(np.asarray(chart) == (0x0B, 0x4F, 0x8A), axis=-1)
    assert blue.any()


def test_a_run_without_a_step_still_has_a_chart(tmp_path: Path) -> None:
    EventLog(tmp_path / "events.jsonl").close()
    assert loss_chart(tmp_path).size == (800, 400)


def test_what_the_run_told_its_user_is_kept(run_folder: Path) -> None:
    assert notices(run_folder) == ["xformers is not needed"]


def test_the_best_epoch_and_the_held_out_loss_are_drawn(run_folder: Path) -> None:
    log = EventLog(run_folder / "events.jsonl")
    log.write("validation", epoch=1, step=2, loss=0.35)
    log.write("best", epoch=1, metric="validation_loss", value=0.35)
    log.close()
    pixels = np.asarray(loss_chart(run_folder))
    for color in ((0xC2, 0x57, 0x1A), (0x2E, 0x7D, 0x32)):
        assert np.all(pixels == color, axis=-1).any()
