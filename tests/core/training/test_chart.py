"""What people see of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bespoke_core.events import EventLog
from bespoke_core.training.chart import describe_event, loss_chart, notices


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


def test_a_step_says_where_it_is_its_loss_and_the_time_left() -> None:
    event = {"event": "step", "epoch": 1, "epochs": 2, "step": 5, "steps": 10, "loss": 0.25}
    assert describe_event({**event, "steps_per_second": 0.5}) == (
        "epoch 1/2, step 5/10, loss 0.2500, 10 s left"
    )
    assert describe_event(event).endswith("loss 0.2500")
    assert describe_event({"event": "heartbeat"}) == ""
