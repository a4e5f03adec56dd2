"""How a training run ends before its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BespokeError, UserCancelledError

if TYPE_CHECKING:
    from .state_header import Place


class TrainingError(BespokeError):
    """Training stopped for a reason that its input did not show beforehand; the text says what to do."""


class StoppedError(UserCancelledError):
    """The run was asked to stop and did so between two batches.

    Attributes:
        place: how far it has come.
        saved: its state was written, so that it can go on from there.
    """

    def __init__(self, place: Place, *, saved: bool) -> None:
        self.place, self.saved = place, saved
        super().__init__(f"stopped in epoch {place.epoch} after step {place.step}")
