"""How far a run is: gathered from its events, as lines for people and as one JSON-able state for a view."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..events import EventReader
from .wording import describe_event, duration_text, rate_text

CURVE_POINTS = 240
"""The most points of a state's curves; longer runs are averaged in bins."""
SHOWN_PICTURES = 96
"""The most sample pictures that a state names; those of the best and of the latest epochs are kept."""

_STATUS = {
    "start": "preparing",
    "caching": "encoding pictures",
    "sampling": "drawing samples",
    "resumed": "training",
    "epoch": "training",
    "step": "training",
    "stopping": "stopping",
    "cancelled": "cancelled",
    "failed": "failed",
    "finished": "finished",
}


class RunProgress:
    """What a run has done so far, from the events of its log in their order.

    Attributes:
        status: "starting", "preparing", "encoding pictures", "training", "drawing samples", "stopping",
            "cancelled", "failed" or "finished".
        step, steps, epoch, epochs: where it is; 0 while it is not known.
        loss: of the last step; `mean_loss` of its epoch so far; None before the first.
        steps_per_second, seconds_left: the running mean of the rate, and the time until the end with the
            files and samples of each epoch; None before the first step.
        best: the "best" event's epoch, metric and value, or None.
        message: the last sentence that the run had for people.
    """

    def __init__(self) -> None:
        self._takers: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "start": self._take_start,
            "resumed": self._take_resumed,
            "step": self._take_step,
            "checkpoint": self._take_checkpoint,
            "validation": self._take_validation,
            "samples": self._take_samples,
            "best": self._take_best,
        }
        self._clear()

    def _clear(self) -> None:
        self.status = "starting"
        self.step = self.steps = self.epoch = self.epochs = 0
        self.loss: float | None = None
        self.mean_loss: float | None = None
        self.best: dict[str, Any] | None = None
        self.message = ""
        self._losses: dict[int, float] = {}
        self._ends: dict[int, int] = {}
        self._held_out: dict[int, float] = {}
        self._samples: dict[int, dict[str, Any]] = {}
        self._doing: tuple[int, int] | None = None
        self.steps_per_second: float | None = None
        self.seconds_left: float | None = None

    def add(self, event: Mapping[str, Any]) -> None:
        """Take the next event."""
        kind = event["event"]
        if kind == "start" and not event.get("resumed"):
            self._clear()
        self.status = _STATUS.get(kind, self.status)
        self._doing = (event["done"], event["of"]) if kind in {"caching", "sampling"} else None
        for name in ("step", "steps", "epoch", "epochs"):
            if isinstance(event.get(name), int) and kind in {"start", "resumed", "epoch", "step"}:
                setattr(self, name, event[name])
        if kind in self._takers:
            self._takers[kind](event)
        self.message = describe_event(event) or self.message

    def _take_start(self, event: Mapping[str, Any]) -> None:
        self.steps_per_second = self.seconds_left = None

    def _take_resumed(self, event: Mapping[str, Any]) -> None:
        """Forget what was done after the state from which the run goes on: it is done again."""
        self._losses = {step: loss for step, loss in self._losses.items() if step <= event["step"]}

    def _take_step(self, event: Mapping[str, Any]) -> None:
        self.loss = event["loss"]
        self.mean_loss = event.get("mean_loss", self.loss)
        self._losses[event["step"]] = event["loss"]
        self.steps_per_second = event.get("steps_per_second")
        self.seconds_left = event.get("seconds_left")

    def _take_checkpoint(self, event: Mapping[str, Any]) -> None:
        if event.get("epoch"):
            self._ends[event["epoch"]] = event.get("step", self.step)

    def _take_validation(self, event: Mapping[str, Any]) -> None:
        self._held_out[event["epoch"]] = event["loss"]
        self._ends.setdefault(event["epoch"], event.get("step", self.step))

    def _take_samples(self, event: Mapping[str, Any]) -> None:
        self._samples[event["epoch"]] = {
            "epoch": event["epoch"],
            "paths": [str(path) for path in event.get("paths", [])],
            "scores": dict(event.get("scores") or {}),
            "time": event.get("time", 0),
        }
        self._ends.setdefault(event["epoch"], event.get("step", self.step))

    def _take_best(self, event: Mapping[str, Any]) -> None:
        self.best = {name: event.get(name) for name in ("epoch", "metric", "value", "path")}

    def line(self) -> str:
        """Return where the run is in one line."""
        if self._doing is not None:
            return f"{self.status}: {self._doing[0]} of {self._doing[1]}"
        if self.status != "training" or self.loss is None:
            return self.message or self.status
        parts = [
            f"epoch {self.epoch}/{self.epochs}, step {self.step}/{self.steps}",
            f"loss {self.loss:.4f}",
            f"mean {self.mean_loss:.4f}",
        ]
        if self.steps_per_second:
            parts.append(rate_text(self.steps_per_second))
        if self.seconds_left is not None:
            parts.append(f"{duration_text(self.seconds_left)} left")
        if self.best:
            parts.append(f"best so far: epoch {self.best['epoch']}")
        return ", ".join(parts)

    def state(self, *, points: int = CURVE_POINTS) -> dict[str, Any]:
        """Return everything that a view shows, small enough to be sent once a second.

        Args:
            points: the most points of a curve.

        ``curve`` holds [step, loss] and ``mean`` [step, mean of the steps of one epoch before it];
        ``held_out`` [step, loss]; ``ends`` [epoch, step]; ``samples`` the epochs with pictures, their paths
        relative to the run folder.
        """
        return {
            "status": self.status,
            "line": self.line(),
            "message": self.message,
            "epoch": self.epoch,
            "epochs": self.epochs,
            "step": self.step,
            "steps": self.steps,
            "loss": self.loss,
            "mean_loss": self.mean_loss,
            "steps_per_second": self.steps_per_second,
            "seconds_left": self.seconds_left,
            "doing": None if self._doing is None else list(self._doing),
            "curve": binned(self._losses, points),
            "mean": binned(moving_mean(self._losses, self._window()), points),
            "held_out": [[self._ends[epoch], loss] for epoch, loss in sorted(self._held_out.items())],
            "ends": [[epoch, step] for epoch, step in sorted(self._ends.items())],
            "samples": self._shown_samples(),
            "best": self.best,
        }

    def _window(self) -> int:
        """Return how many steps an epoch has; the whole of a run that is shorter."""
        epochs = max(1, self.epochs)
        return max(1, min(len(self._losses), -(-max(self.steps, 1) // epochs)))

    def _shown_samples(self) -> list[dict[str, Any]]:
        best = self.best["epoch"] if self.best else None
        kept: list[dict[str, Any]] = []
        count = 0
        for epoch in sorted(self._samples, key=lambda number: (number != best, -number)):
            count += len(self._samples[epoch]["paths"])
            if count > SHOWN_PICTURES and kept:
                break
            kept.append(self._samples[epoch])
        return sorted(kept, key=lambda sample: int(sample["epoch"]))


def read_progress(run_folder: Path) -> RunProgress:
    """Return how far the run in a folder is, from its ``events.jsonl``; "starting" without one."""
    progress = RunProgress()
    for event in EventReader(run_folder / "events.jsonl").new():
        progress.add(event)
    return progress


def moving_mean(values: Mapping[int, float], window: int) -> dict[int, float]:
    """Return the mean of each `window` values that follow each other, by the key of the last."""
    found: dict[int, float] = {}
    keys, total = sorted(values), 0.0
    for place, key in enumerate(keys):
        total += values[key]
        if place >= window:
            total -= values[keys[place - window]]
        if place + 1 >= window:
            found[key] = total / window
    return found


def binned(values: Mapping[int, float], most: int) -> list[list[float]]:
    """Return [key, value] in the keys' order, at most `most` of them: the means of bins of like length."""
    keys = sorted(values)
    size = -(-len(keys) // most) or 1
    bins = [keys[start : start + size] for start in range(0, len(keys), size)]
    return [[chunk[-1], round(sum(values[key] for key in chunk) / len(chunk), 6)] for chunk in bins]
