"""What people see of a run: its loss over the steps as a chart, and what it said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..events import EventReader
from .progress import read_progress

if TYPE_CHECKING:
    from PIL.Image import Image


def loss_chart(run_folder: Path, *, size: tuple[int, int] = (800, 400)) -> Image:
    """Draw the loss of every step, its moving mean over one epoch, the held-out loss and the best epoch.

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

    state = read_progress(run_folder).state(points=2 * size[0])
    figure = Figure(figsize=(size[0] / 100, size[1] / 100), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if state["curve"]:
        axes.plot(*zip(*state["curve"], strict=True), color="#9db4c8", linewidth=0.8, label="loss")
        axes.plot(*zip(*state["mean"], strict=True), color="#0b4f8a", linewidth=2, label="mean of an epoch")
    if state["held_out"]:
        style: dict[str, Any] = {"color": "#c2571a", "marker": "o", "markersize": 4}
        axes.plot(*zip(*state["held_out"], strict=True), label="held-out pictures", **style)
    for epoch, end in state["ends"]:
        best = state["best"] is not None and state["best"]["epoch"] == epoch
        axes.axvline(end, color="#2e7d32" if best else "#dddddd", linewidth=1.5 if best else 0.8, zorder=0)
        if best:
            axes.annotate(f"best: epoch {epoch}", (end, 0.98), xycoords=("data", "axes fraction"), va="top")
    if state["curve"]:
        axes.legend(frameon=False)
        axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("step (lines: ends of epochs)")
    axes.set_ylabel("loss")
    axes.set_title(run_folder.name)
    canvas.draw()
    return Images.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def notices(run_folder: Path) -> list[str]:
    """Return what a run told its user beside its progress, such as another optimizer than asked for."""
    events = EventReader(run_folder / "events.jsonl").new()
    return list(dict.fromkeys(event["text"] for event in events if event["event"] == "notice"))
