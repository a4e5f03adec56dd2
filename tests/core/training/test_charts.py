"""The TensorBoard log of a run that was stopped twice and went on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.work import train_here

Make = Callable[..., TrainingConfig]


def test_a_run_that_went_on_twice_shows_every_step_once(make_config: Make, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs = tmp_path / "logs"
    config = make_config(logging_dir=str(logs), save_state_every_n_steps=2, max_train_epochs=3)

    def stop_at(step: int) -> Callable[[dict[str, Any]], None]:
        def listen(event: dict[str, Any]) -> None:
            if event["event"] == "step" and event["step"] == step:
                raise KeyboardInterrupt

        return listen

    for step in (3, 8):  # one step after the state, which is done again
        with pytest.raises(KeyboardInterrupt):
            train_here(config, tmp_path / "run", resume=True, listen=stop_at(step))
    train_here(config, tmp_path / "run", resume=True)
    [folder] = {path.parent for path in logs.rglob("events.out.tfevents.*")}
    shown = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    for name in ("loss/current", "lr/unet", "lr/textencoder"):
        assert [one.step for one in shown.Scalars(name)] == list(range(1, 10))
    assert [one.step for one in shown.Scalars("loss/epoch")] == [3, 6, 9]
