"""What people see of a run: its loss over the steps as a chart, its events as lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..events import EventReader

if TYPE_CHECKING:
    from PIL.Image import Image


def loss_chart(run_folder: Path, *, size: tuple[int, int] = (800, 400)) -> Image:
    """Draw the loss of every step and its moving mean over one epoch, with the epochs marked.

    Args:
        run_folder: holds ``events.jsonl``.
        size: of the picture in pixels, width by height.

    The loss of a diffusion model says little about its pictures; the axis starts at 0 so that noise does
    not look like progress.
    """
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator
    from PIL import Image as Images

    by_step: dict[int, float] = {}
    ends: list[int] = []
    for event in EventReader(run_folder / "events.jsonl").new():
        if event["event"] == "step":
            by_step[event["step"]] = event["loss"]
        elif event["event"] == "epoch" and event.get("step"):
            ends.append(event["step"])
    steps = np.array(sorted(by_step))
    losses = np.array([by_step[step] for step in steps])
    figure = Figure(figsize=(size[0] / 100, size[1] / 100), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if len(steps):
        window = max(1, min(len(steps), (ends[0] if ends else len(steps))))
        axes.plot(steps, losses, color="#9db4c8", linewidth=0.8, label="loss of each step")
        mean = np.convolve(losses, np.ones(window) / window, mode="valid")
        axes.plot(steps[window - 1 :], mean, color="#0b4f8a", linewidth=2, label=f"mean of {window} steps")
        axes.legend(frameon=False)
        axes.set_ylim(bottom=0)
    for end in sorted(set(ends)):
        axes.axvline(end, color="#dddddd", linewidth=0.8, zorder=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("step (lines: ends of epochs)")
    axes.set_ylabel("loss")
    axes.set_title(run_folder.name)
    canvas.draw()
    return Images.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def describe_event(event: Mapping[str, Any]) -> str:
    """Return one line about an event for people; empty for an event that needs none."""
    kind = event["event"]
    if kind == "step":
        rate = event.get("steps_per_second")
        left = f", {(event['steps'] - event['step']) / rate:.0f} s left" if rate else ""
        return (
            f"epoch {event['epoch']}/{event['epochs']}, step {event['step']}/{event['steps']}, "
            f"loss {event['loss']:.4f}{left}"
        )
    if kind == "checkpoint":
        return f"saved {Path(event['path']).name}"
    if kind == "caching":
        return f"encoding the pictures: {event['done']} of {event['of']}"
    if kind == "resumed":
        return f"going on after step {event['step']} of {event['steps']}"
    if kind == "notice":
        return str(event["text"])
    return {"start": "starting", "finished": "finished"}.get(kind, "")


def notices(run_folder: Path) -> list[str]:
    """Return what a run told its user beside its progress, such as another optimizer than asked for."""
    events = EventReader(run_folder / "events.jsonl").new()
    return list(dict.fromkeys(event["text"] for event in events if event["event"] == "notice"))
