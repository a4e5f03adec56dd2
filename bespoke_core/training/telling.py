"""What a run tells while it goes on, and how and why it ended: its event log, its trackers, its manifest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import BespokeError, UserCancelledError
from ..events import EventLog
from ..shown import on_one_line
from .claim import keeps
from .errors import StoppedError, TrainingError, writing
from .manifest import read_manifest, write_manifest
from .plan import TrainingPlan
from .trackers import trackers, untracked

Listen = Callable[[dict[str, Any]], None]


def teller(plan: TrainingPlan, log: EventLog, listen: Listen) -> Callable[..., None]:
    """Return what writes an event down and tells everyone who wants to know of it.

    A tracker that cannot write any more is left: a chart is no reason to end a run.

    Raises:
        TrainingError: the disk is full; the function that is returned raises it, too.
    """
    with writing("What tells the run's charts from others'", plan.own_state):
        tracked = trackers(plan)

    def tell(event: str, **values: Any) -> None:
        nonlocal tracked
        if event == "notice":
            values["text"] = on_one_line(values["text"])
        with writing("The run's log", plan.own_state):
            log.write(event, **values)
        listen({"event": event, **values})
        try:
            tracked(event, values)
        except OSError as error:
            tracked = untracked
            tell(
                "notice",
                text=f"The run's charts could not be written and end here: {error.strerror or error}.",
            )

    return tell


def write_end(plan: TrainingPlan, tell: Callable[..., None], error: BaseException, stopped_by: str) -> None:
    """Write down how and why the run ended early, as far as that can be written.

    Raises:
        TrainingError: it cannot; the text has both reasons.
    """
    cancelled = isinstance(error, (UserCancelledError, KeyboardInterrupt))
    reason = str(error) if isinstance(error, BespokeError) else f"{type(error).__name__}: {error}"
    if cancelled and stopped_by:
        reason = stopped_by
    status = "cancelled" if cancelled else "failed"
    place = {"step": error.place.step, "saved": error.saved} if isinstance(error, StoppedError) else {}
    if not keeps(plan.run_folder):
        return  # removed, or another's: what is told now would make half a folder, or spoil that one's
    try:
        write_manifest(plan, status, reason=reason)
        made = (read_manifest(plan.run_folder) or {}).get("checkpoints", [])
        tell(status, reason=reason, checkpoints=[entry["file"] for entry in made], **place)
    except (OSError, TrainingError) as second:
        if not isinstance(error, BespokeError):
            raise error from second
        first = second.__cause__ or second  # the system's own word, where a sentence was made of it
        why = getattr(first, "strerror", None) or first
        raise TrainingError(f"{error} (Nor could this be written down: {why}.)") from error
