"""What a sweep's table says of a run that is still trained: its best epoch, and whether to go on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..evaluation.following import following
from ..evaluation.stopping import PATIENCE, Advice, should_stop
from ..evaluation.table import Row
from ..training.judge import Best


@dataclass(frozen=True)
class Decision:
    """What the swept epochs say.

    Attributes:
        best: the best epoch so far among those that follow their prompts; None without one.
        advice: whether to go on.
    """

    best: Best | None
    advice: Advice


def decide_by_rows(rows: Sequence[Row], *, by: str, patience: int = PATIENCE) -> Decision:
    """Decide by a sweep's table; the same rows give the same decision.

    Args:
        rows: of all epochs so far; the base model's are passed over.
        by: the score.
        patience: see `should_stop`.
    """
    advice = should_stop(rows, by=by, patience=patience)
    of_best = [row for row in rows if row.checkpoint == advice.best and not row.is_base]
    numbers = [value for row in of_best if (value := row.number(by)) is not None]
    if advice.best is None or advice.best_epoch is None or not numbers:
        return Decision(None, advice)
    if following(of_best).follows is False:
        return Decision(None, advice)
    value = round(math.fsum(numbers) / len(numbers), 9)
    return Decision(Best(f"{advice.best}.safetensors", advice.best_epoch, by, value), advice)
