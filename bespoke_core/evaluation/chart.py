"""The verdict as a picture: the score over the epochs with its intervals."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..amounts import score_text
from .ranking import Ranked, finite
from .table import Row
from .verdict_text import chosen_word, direction, noun, score_name

if TYPE_CHECKING:
    from PIL.Image import Image

    from .verdict import Verdict

# Okabe and Ito's palette, which colour-blind readers can tell apart; shape and fill say the same again.
_LINE = "#0072b2"
_BEST = "#d55e00"
_BASE = "#555555"
_GRID = "#e3e6ea"
_INK = "#1d2430"


def chart_png(rows: Sequence[Row], verdict: Verdict, by: str, *, size: tuple[int, int] = (960, 540)) -> Image:
    """Draw the mean score over the epochs with its 95 % intervals.

    Args:
        rows: of the sweep; each picture is a faint dot.
        verdict: made from them.
        by: the score that is drawn.
        size: of the picture in pixels, width by height.

    The base model is a dashed line, the chosen checkpoint a star; a checkpoint that does not follow its
    prompts is hollow. Checkpoints without an epoch stand at the right, each under its name.

    Returns:
        An RGB picture.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image as Images

    figure = Figure(figsize=(size[0] / 120, size[1] / 120), dpi=120, layout="constrained", facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    places = sorted(verdict.ranking, key=_order)
    positions = {place.checkpoint: float(index) for index, place in enumerate(places)}
    _draw_pictures(axes, rows, by, positions)
    _draw_series(axes, places, positions)
    _draw_points(axes, places, positions, verdict)
    if verdict.base is not None:
        axes.axhline(
            verdict.base.interval.mean,
            color=_BASE,
            linestyle="--",
            linewidth=1.5,
            label="base model, no LoRA",
        )
    if not places:
        axes.text(0.5, 0.5, "no checkpoint was measured", ha="center", transform=axes.transAxes, color=_INK)
    _dress(axes, places, verdict, by)
    target = io.BytesIO()
    canvas.print_png(target)
    target.seek(0)
    with Images.open(target) as picture:
        return picture.convert("RGB")


def _order(place: Ranked) -> tuple[float, str]:
    return (math.inf if place.epoch is None else place.epoch, place.checkpoint)


def _draw_pictures(axes: Any, rows: Sequence[Row], by: str, positions: dict[str, float]) -> None:
    dots = [
        (positions[row.checkpoint], value)
        for row in rows
        if row.checkpoint in positions and (value := row.number(by)) is not None
    ]
    if dots:
        axes.scatter(
            *zip(*dots, strict=True),
            s=9,
            color=_LINE,
            alpha=0.22,
            linewidths=0,
            label="each picture",
            zorder=2,
        )


def _draw_series(axes: Any, places: Sequence[Ranked], positions: dict[str, float]) -> None:
    series = [place for place in places if place.epoch is not None]
    x = [positions[place.checkpoint] for place in series]
    low = [_or_mean(place, place.interval.low) for place in series]
    high = [_or_mean(place, place.interval.high) for place in series]
    if len(series) > 1:
        axes.fill_between(
            x, low, high, color=_LINE, alpha=0.13, linewidth=0, label="95 % interval of the mean"
        )
        axes.plot(x, [place.interval.mean for place in series], color=_LINE, linewidth=1.6, zorder=3)
    for place in places:
        ends = [_or_mean(place, place.interval.low), _or_mean(place, place.interval.high)]
        axes.plot([positions[place.checkpoint]] * 2, ends, color=_LINE, linewidth=1, zorder=3)


def _draw_points(axes: Any, places: Sequence[Ranked], positions: dict[str, float], verdict: Verdict) -> None:
    seen: set[str] = set()
    for place in places:
        refused = place.following.follows is False
        chosen = place.checkpoint == verdict.best
        label = "does not follow the prompts" if refused else "mean"
        label = chosen_word(place) if chosen else label
        axes.plot(
            positions[place.checkpoint],
            place.interval.mean,
            marker="*" if chosen else "o",
            markersize=17 if chosen else 8,
            color=_BEST if chosen else _LINE,
            markerfacecolor="white" if refused else (_BEST if chosen else _LINE),
            markeredgewidth=1.6,
            linestyle="none",
            zorder=5,
            label=None if label in seen else label,
        )
        seen.add(label)
        if chosen:
            axes.annotate(
                score_text(place.interval.mean),
                (positions[place.checkpoint], place.interval.mean),
                textcoords="offset points",
                xytext=(12, -14),
                color=_BEST,
                fontweight="bold",
                zorder=6,
            )


def _dress(axes: Any, places: Sequence[Ranked], verdict: Verdict, by: str) -> None:
    names = [place.checkpoint if place.epoch is None else str(place.epoch) for place in places]
    if len(set(names)) < len(names):
        names = [place.checkpoint for place in places]
    crowded = any(len(name) > 4 for name in names) and len(names) > 3
    # Of very many checkpoints only some get a label; every one keeps its point.
    step = max(1, math.ceil(len(names) / 40))
    axes.set_xticks(
        range(0, len(names), step),
        names[::step],
        rotation=30 if crowded else 0,
        ha="right" if crowded else "center",
    )
    axes.set_xlabel(
        "epoch" if any(place.epoch is not None for place in places) else noun(verdict), color=_INK
    )
    axes.set_ylabel(f"{score_name(by)} ({direction(verdict)})", color=_INK)
    axes.set_title(_title(verdict), loc="left", color=_INK, fontsize=11, fontweight="bold")
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.06)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#9aa3ad")
    axes.tick_params(colors=_INK)
    if places or verdict.base:
        axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)


def _title(verdict: Verdict) -> str:
    best = verdict.winner
    if best is None:
        return f"No {noun(verdict)} was measured"
    if best.following.follows is False:
        return f"No {noun(verdict)} follows the prompts; the least bad is {best.label}"
    if best.following.asked_in_vain:
        return f"Best score: {best.label}; no picture clearly shows what was asked for"
    ties = len(verdict.tied_with_best)
    others = "" if not ties else f", tied with {ties} other{'s' if ties > 1 else ''}"
    return f"Recommended: {best.label}{others}"


def _or_mean(place: Ranked, end: float) -> float:
    found = finite(end)
    return place.interval.mean if found is None else found
