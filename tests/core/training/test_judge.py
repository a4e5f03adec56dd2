"""A run that its judge has stopped goes on when it is asked for more patience."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.judge import Judge, Judgement
from bespoke_core.training.plan import TrainingPlan
from bespoke_core.training.run import finished_run, interrupted_run
from bespoke_core.training.work import train_here


class Waiting:
    """A judge to whom the first epoch is the best, however long it waits."""

    notices = ("no picture is drawn",)

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def begin(self, *given: Any, **more: Any) -> None:
        """Nothing to get ready."""

    after_step = begin

    def after_epoch(self, session: Any, *, epoch: int, **more: Any) -> Judgement:
        stop = epoch > self.patience
        return Judgement(stop, reason="enough" * stop, patience=self.patience if stop else None)


def waiting(patience: int) -> Callable[[TrainingPlan], Judge]:
    return lambda plan: Waiting(patience)


def test_a_run_that_its_judge_stopped_goes_on_with_more_patience_and_only_then(
    make_config: Callable[..., TrainingConfig], tmp_path: Path
) -> None:
    config, run = make_config(max_train_epochs=3, lr_warmup_steps=0), tmp_path / "run"
    first = train_here(config, run, make_judge=waiting(1))
    assert [path.name for path in first.checkpoints] == [
        "punks-000001.safetensors",
        "punks-000002.safetensors",
    ]
    assert json.loads((run / "run.json").read_text(encoding="utf-8"))["stopped_early"] == {
        **{"epoch": 2, "step": last_step(run), "reason": "enough", "patience": 1}
    }
    assert finished_run(config, run) == first, "without a judge it is done"
    for patience in (None, 1):
        assert not interrupted_run(config, run, patience)
    assert train_here(config, run, resume=True, make_judge=waiting(1)) == first
    before = {path.name: path.read_bytes() for path in first.checkpoints}

    assert interrupted_run(config, run, 9)
    whole = train_here(config, run, resume=True, make_judge=waiting(9))
    assert whole.checkpoints[-1].name == "punks.safetensors" and len(whole.checkpoints) == 3
    assert {name: (run / name).read_bytes() for name in before} == before


def last_step(run: Path) -> int:
    """The step at which the run was stopped, as its log has it."""
    lines = (run / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return max(event["step"] for event in map(json.loads, lines) if event["event"] == "step")
