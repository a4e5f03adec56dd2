"""How far a run is, as people and views are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.events import EventLog
from bespoke_core.training.progress import (
    CURVE_POINTS,
    SHOWN_PICTURES,
    RunProgress,
    binned,
    moving_mean,
    read_progress,
)
from bespoke_core.training.wording import describe_event, duration_text, rate_text


def step(number: int, *, steps: int = 10, epoch: int = 1, epochs: int = 2, **more: Any) -> dict[str, Any]:
    told = {"event": "step", "step": number, "steps": steps, "epoch": epoch, "epochs": epochs}
    return {**told, "loss": 0.25, "mean_loss": 0.5, "steps_per_second": 0.5, "seconds_left": 10.0, **more}


def after(*events: dict[str, Any]) -> RunProgress:
    progress = RunProgress()
    for event in events:
        progress.add(event)
    return progress


def test_a_step_says_where_it_is_its_loss_its_rate_and_the_time_left() -> None:
    assert after(step(5)).line() == (
        "epoch 1/2, step 5/10, loss 0.2500, mean 0.5000, 2.0 s a step, 0:10 left"
    )


def test_nothing_is_said_about_the_time_before_the_first_step() -> None:
    progress = after({"event": "start", "steps": 10, "epochs": 2, "pictures": 3, "output_name": "lads"})
    assert progress.seconds_left is None
    assert progress.steps_per_second is None
    assert progress.line() == "training lads: 3 pictures, 2 epochs, 10 steps"


def test_pictures_that_are_encoded_and_samples_that_are_drawn_are_counted() -> None:
    assert after({"event": "caching", "done": 3, "of": 8}).line() == "encoding pictures: 3 of 8"
    drawing = after(step(5), {"event": "sampling", "done": 1, "of": 4})
    assert drawing.line() == "drawing samples: 1 of 4"
    drawing.add(step(6))
    assert drawing.line().startswith("epoch 1/2, step 6/10")


def test_a_resumed_run_forgets_the_steps_that_it_does_again() -> None:
    progress = after(step(1, loss=0.1), step(2, loss=0.2), step(3, loss=9.0))
    progress.add({"event": "start", "resumed": True, "steps": 10, "epochs": 2})
    progress.add({"event": "resumed", "step": 2, "steps": 10, "epoch": 1})
    assert progress.state()["curve"] == [[1, 0.1], [2, 0.2]]
    progress.add(step(3, loss=0.3))
    assert progress.state()["curve"][-1] == [3, 0.3]


def test_a_run_that_starts_anew_shows_nothing_of_the_former_one() -> None:
    progress = after(step(1), {"event": "best", "epoch": 1, "metric": "loss", "value": 0.5})
    progress.add({"event": "start", "resumed": False, "steps": 10, "epochs": 2})
    assert progress.state()["curve"] == []
    assert progress.best is None


def test_epochs_samples_and_the_best_one_are_in_the_state_that_a_view_gets() -> None:
    progress = after(
        step(5),
        {"event": "checkpoint", "epoch": 1, "step": 5, "path": "a-000001.safetensors", "mean_loss": 0.5},
        {"event": "validation", "epoch": 1, "step": 5, "loss": 0.4},
        {
            "event": "samples",
            "epoch": 1,
            "step": 5,
            "paths": ["samples/1.png"],
            "scores": {"unique_colors": 210.0},
            "time": 1.5,
        },
        {"event": "best", "epoch": 1, "metric": "unique_colors", "value": 210.0, "path": "a.safetensors"},
    )
    state = progress.state()
    assert state["ends"] == [[1, 5]]
    assert state["held_out"] == [[5, 0.4]]
    assert state["samples"][0]["paths"] == ["samples/1.png"]
    assert state["samples"][0]["scores"] == {"unique_colors": 210.0}
    assert state["best"]["epoch"] == 1
    assert progress.message == "epoch 1 is the best so far: unique colors 210"
    json.dumps(state, allow_nan=False)


def test_a_run_of_many_epochs_keeps_the_pictures_of_the_best_and_the_latest_ones() -> None:
    progress = RunProgress()
    for epoch in range(1, 201):
        paths = [f"samples/{epoch}_{number}.png" for number in range(8)]
        progress.add({"event": "samples", "epoch": epoch, "step": epoch, "paths": paths, "scores": {}})
    progress.add({"event": "best", "epoch": 3, "metric": "loss", "value": 0.1})
    shown = [sample["epoch"] for sample in progress.state()["samples"]]
    assert shown == [3, *range(190, 201)]
    assert sum(len(sample["paths"]) for sample in progress.state()["samples"]) <= SHOWN_PICTURES


def test_a_long_run_is_sent_in_few_points() -> None:
    progress = after(*(step(number, steps=5000) for number in range(1, 5001)))
    state = progress.state()
    assert len(state["curve"]) <= CURVE_POINTS
    assert state["curve"][-1][0] == 5000
    assert len(json.dumps(state)) < 12_000


@given(st.dictionaries(st.integers(1, 10_000), st.floats(0, 10), max_size=300), st.integers(1, 50))
def test_bins_keep_the_ends_and_the_order(values: dict[int, float], most: int) -> None:
    found = binned(values, most)
    assert len(found) <= most
    assert [point[0] for point in found] == sorted(point[0] for point in found)
    if values:
        assert found[-1][0] == max(values)
        assert min(values.values()) - 1e-6 <= min(point[1] for point in found)


def test_the_moving_mean_is_that_of_the_window_before() -> None:
    assert moving_mean({1: 1.0, 2: 3.0, 3: 5.0}, 2) == {2: 2.0, 3: 4.0}
    assert moving_mean({}, 1) == {}


def test_the_progress_of_a_run_is_read_from_its_folder(tmp_path: Path) -> None:
    assert read_progress(tmp_path).status == "starting"
    log = EventLog(tmp_path / "events.jsonl")
    log.write("step", **{key: value for key, value in step(5).items() if key != "event"})
    log.write("finished", steps=10, epochs=2)
    log.close()
    progress = read_progress(tmp_path)
    assert (progress.status, progress.step) == ("finished", 5)


def test_an_end_says_what_to_do_next() -> None:
    assert "go on" in after(step(5), {"event": "cancelled", "reason": "SIGTERM"}).line()
    failed = after(step(5), {"event": "failed", "reason": "The loss is no longer a number."})
    assert failed.line() == "The loss is no longer a number."
    assert failed.status == "failed"


def test_unknown_events_are_passed_over() -> None:
    assert describe_event({"event": "heartbeat"}) == ""
    assert after(step(5), {"event": "heartbeat"}).step == 5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (3723, "1:02:03"), (360000, "100:00:00")],
)
def test_durations_are_read_as_on_a_clock(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_rates_are_said_as_steps_a_second_or_seconds_a_step() -> None:
    assert rate_text(2.5) == "2.5 steps/s"
    assert rate_text(0.25) == "4.0 s a step"
