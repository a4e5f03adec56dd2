"""The error of a training run that could not go on."""

from __future__ import annotations

from ..errors import BespokeError


class TrainingError(BespokeError):
    """Training stopped for a reason that its input did not show beforehand; the text says what to do."""
