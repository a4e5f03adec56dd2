"""How a training run ends before its time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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


@contextmanager
def writing(what: str, state: Path) -> Iterator[None]:
    """Say of what cannot be written inside the block what is kept, and how the run goes on.

    Args:
        what: is written, to begin a sentence with.
        state: the run's state file, from which it goes on if it is there.

    Raises:
        TrainingError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        kept, goes_on = "The files", "it begins again from its start, for no state was written yet"
        if state.is_file():
            kept, goes_on = "The files and the state", "the run goes on from that state"
        raise TrainingError(
            f"{what} could not be written: {error.strerror or error}. {kept} that were written before are "
            f"whole. Make room or mend the disk, then resume: {goes_on}."
        ) from error
