"""What people are told about a run: one sentence an event, rates and times as they are said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from ..amounts import counted


def rate_text(steps_per_second: float) -> str:
    """Return a rate as people say it: steps in a second, or seconds for a step."""
    return (
        f"{steps_per_second:.1f} steps/s" if steps_per_second >= 1 else f"{1 / steps_per_second:.1f} s a step"
    )


def duration_text(seconds: float) -> str:
    """Return 0:05, 12:30 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def describe_event(event: Mapping[str, Any]) -> str:
    """Return one sentence about an event for people; empty for one that needs none, as a step."""
    make = _SENTENCES.get(event["event"])
    return make(event) if make else ""


def _start(event: Mapping[str, Any]) -> str:
    if "pictures" not in event:
        return "starting"
    return (
        f"training {event['output_name']}: {counted(event['pictures'], 'picture')}, "
        f"{counted(event['epochs'], 'epoch')}, {counted(event['steps'], 'step')}"
    )


def _checkpoint(event: Mapping[str, Any]) -> str:
    mean = f" (mean loss {event['mean_loss']:.4f})" if "mean_loss" in event else ""
    return f"saved {PurePath(event['path']).name}{mean}"


def _samples(event: Mapping[str, Any]) -> str:
    scores = ", ".join(
        f"{name} {value:.4g}" for name, value in (event.get("scores") or {}).items() if _is_number(value)
    )
    count = counted(len(event.get("paths", [])), "sample")
    return f"{count} of epoch {event['epoch']}{': ' + scores if scores else ''}"


def _cancelled(event: Mapping[str, Any]) -> str:
    step = f" after step {event['step']}" if event.get("step") else ""
    return f"stopped{step}; queue or resume it to go on from the last saved state"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "start": _start,
    "notice": lambda event: str(event["text"]),
    "memory": lambda event: str(event.get("text", "")),
    "slept": lambda event: f"the machine slept for {duration_text(event['seconds'])}; the run goes on",
    "resumed": lambda event: f"going on after step {event['step']} of {event['steps']}",
    "checkpoint": _checkpoint,
    "samples": _samples,
    "validation": lambda event: f"held-out loss after epoch {event['epoch']}: {event['loss']:.4f}",
    "best": lambda event: (
        f"epoch {event['epoch']} is the best so far: {event['metric'].replace('_', ' ')} {event['value']:.4g}"
    ),
    "early_stop": lambda event: f"stopped early: {event['reason']}",
    "stopping": lambda event: "stopping: the step under way ends, then the state is saved",
    "cancelled": _cancelled,
    "failed": lambda event: str(event.get("reason", "failed")),
    "finished": lambda event: "finished",
    "reused": lambda event: f"already finished: {event['path']}",
}
