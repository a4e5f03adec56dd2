"""How the loop asks whether an epoch is any good; who answers is given to it, for training draws nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .session import Session

Tell = Callable[..., None]
"""Told what happens: `tell("step", step=3, loss=0.1)`."""
Stop = Callable[[], bool]
"""Asked now and then: True when the run is to end."""
SAMPLES_FOLDER = "samples"
SCORES_FILE = "scores.json"
"""In `SAMPLES_FOLDER`: what each epoch was judged by, and the best of them."""


@dataclass(frozen=True)
class Best:
    """The best epoch of a run so far.

    Attributes:
        file: its LoRA file's name in the run folder, None for an epoch that has none.
        epoch: its number, from 1.
        metric: what it was judged by: a score's name or "held_out_loss".
        value: the metric's value.
    """

    file: str | None
    epoch: int
    metric: str
    value: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data, for run.json and the event "best"."""
        return asdict(self)


def tell_best(best: Best | None, before: Best | None, tell: Tell) -> None:
    """Tell of the best epoch where it is another than before, as the event "best"."""
    if best is not None and best != before:
        tell("best", epoch=best.epoch, path=best.file, metric=best.metric, value=best.value)


@dataclass(frozen=True)
class Judgement:
    """What follows from an epoch.

    Attributes:
        stop: training should end here.
        best: the best epoch's file so far, None where none was judged or its epoch has no file.
        reason: why it should stop, as a sentence; empty where it should not.
        patience: epochs that the judge waited, where the run's keys do not say; see `Judge.patience`.
    """

    stop: bool = False
    best: str | None = None
    reason: str = ""
    patience: int | None = None


class Judge(Protocol):
    """Looks at a run while it trains. It changes no weight and draws nothing from the run's chance.

    Every method is called on the first process of a run alone, with the weights in `session.network` that the
    epoch's file holds, at any rounding of `save_precision`. `tell` is the loop's.
    """

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences that the user should read before the run."""

    @property
    def patience(self) -> int | None:
        """Epochs that it waits for a better one, None where the run's keys say that.

        A run that it has stopped goes on when it is started again with a judge that waits longer.
        """

    def begin(
        self,
        session: Session,
        *,
        epoch: int,
        step: int,
        tell: Tell,
        stop: Stop = lambda: False,
    ) -> None:
        """Get ready, before the first step, anew or resumed: forget every epoch from `epoch` on.

        `stop` is asked while pictures are drawn, here and later; UserCancelledError is raised when it returns
        True. Nothing is lost by that: what was not judged is judged when the run goes on.
        """

    def after_step(self, session: Session, *, epoch: int, step: int, tell: Tell) -> None:
        """Look at the run after the optimizer's step `step`, counted from 1 over all epochs."""

    def after_epoch(
        self,
        session: Session,
        *,
        epoch: int,
        step: int,
        checkpoint: Path | None,
        held_out_loss: float | None = None,
        tell: Tell,
    ) -> Judgement:
        """Judge an epoch; the same answer at once for one that was judged already.

        Call it when the epoch's file and state are written, and at a resumed run's start for the epoch
        before the place in the state: the process may have been killed between state and judgement.

        Args:
            session: the run.
            epoch: from 1.
            step: optimizer steps so far.
            checkpoint: the epoch's file, None where `save_every_n_epochs` leaves it out.
            held_out_loss: from the validation split, None without one.
            tell: told of "samples", "best" and "early_stop".
        """


def best_of_run(run_folder: Path) -> dict[str, Any] | None:
    """Return the best epoch that is written down in a run folder as `Best.to_dict` gives it, or None."""
    path = run_folder / SAMPLES_FOLDER / SCORES_FILE
    if not path.is_file():
        return None
    try:
        best = json.loads(path.read_text(encoding="utf-8")).get("best")
    except (ValueError, AttributeError):  # damaged: the judge names it when the run goes on
        return None
    return best if isinstance(best, dict) else None
