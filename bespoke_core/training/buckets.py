"""Which size each picture is trained at: kohya's buckets, and what sprites smaller than them need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .config import TrainingConfig

Size = tuple[int, int]
"""(width, height) in pixels."""


@dataclass(frozen=True)
class Fit:
    """How a picture becomes its bucket: resized to `resized`, then cropped in the middle to `bucket`.

    A sprite that is enlarged by a whole factor has `resized` = factor times its own size.
    """

    resized: Size
    bucket: Size


def bucket_sizes(resolution: Size, smallest: int, largest: int, step: int) -> tuple[Size, ...]:
    """Return the sizes that buckets may have, sorted: near the resolution's area, in both orientations.

    Each width from `smallest` to `largest` in steps gets the greatest height that keeps the area at most that
    of `resolution`; the square of that area is always among them.
    """
    area = resolution[0] * resolution[1]
    side = max(step, int(math.sqrt(area) // step) * step)
    sizes = {(side, side)}
    # Ends that the step does not divide are widened to ones that it does, as kohya does.
    smallest, largest = max(step, smallest - smallest % step), largest + -largest % step
    for one in range(smallest, largest + 1, step):
        other = min(largest, int((area // one) // step) * step)
        if other >= smallest:
            sizes |= {(one, other), (other, one)}
    return tuple(sorted(sizes))


def fit_picture(size: Size, config: TrainingConfig) -> Fit:
    """Return how a picture of `size` is brought to a training size under `config`."""
    # Who asks for a blending filter wants a photograph's scale, to the pixel.
    whole = config.resize_interpolation in (None, "nearest", "box", "area")
    if not config.enable_bucket:
        return _cover(size, config.size, whole)
    # A sprite under the smallest bucket would be cropped to nothing by bucket_no_upscale.
    if config.bucket_no_upscale and min(size) >= config.min_bucket_reso:
        return _without_enlarging(size, config.size[0] * config.size[1], config.bucket_reso_steps)
    sizes = bucket_sizes(
        config.size, config.min_bucket_reso, config.max_bucket_reso, config.bucket_reso_steps
    )
    return _cover(size, nearest_bucket(size, sizes), whole)


def nearest_bucket(size: Size, sizes: Sequence[Size]) -> Size:
    """Return `size` if it is a bucket, else the (first) bucket whose width / height is nearest."""
    if size in sizes:
        return size
    ratio = size[0] / size[1]
    return min(sizes, key=lambda bucket: abs(bucket[0] / bucket[1] - ratio))


def _cover(size: Size, bucket: Size, whole: bool) -> Fit:
    """Resize so that the picture covers the bucket, by a `whole` factor where that loses almost nothing.

    Enlarging by a whole factor keeps every pixel of a sprite the same size, but may overshoot. It is done
    when the crop takes at most half a source pixel from each side; else the picture is resized to fit.
    """
    (width, height), (wide, high) = size, bucket
    factor = max(math.ceil(wide / width), math.ceil(high / height))
    if whole and factor > 1 and min(width * factor - wide, height * factor - high) <= factor:
        return Fit((width * factor, height * factor), bucket)
    scale = high / height if width / height > wide / high else wide / width
    return Fit((max(wide, int(width * scale + 0.5)), max(high, int(height * scale + 0.5))), bucket)


def _without_enlarging(size: Size, area: int, step: int) -> Fit:
    """Keep the size, or shrink it to the area with the smaller change of shape; crop to steps."""
    width, height = size
    if width * height > area:
        ratio = width / height
        wide = _to_step(math.sqrt(area * ratio), step)
        high_for_wide = _to_step(wide / ratio, step)
        high = _to_step(area / math.sqrt(area * ratio), step)
        wide_for_high = _to_step(high * ratio, step)
        by_width = abs(wide / high_for_wide - ratio) if high_for_wide else math.inf
        by_height = abs(wide_for_high / high - ratio) if high else math.inf
        if by_width < by_height:
            width, height = wide, int(wide / ratio + 0.5)
        else:
            width, height = int(high * ratio + 0.5), high
    return Fit((width, height), (max(step, width - width % step), max(step, height - height % step)))


def _to_step(value: float, step: int) -> int:
    whole = int(value + 0.5)
    return whole - whole % step
