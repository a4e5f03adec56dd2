"""The forms in which a picture is shown: mirrored, turned, or cropped elsewhere, without new colours.

Chance comes from outside and depends on the place in the run alone, so that a resumed run shows the same.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .buckets import Fit
from .config import TrainingConfig
from .pictures import fit, native_size

_MIDDLE = (0.5, 0.5)


@dataclass(frozen=True)
class Look:
    """One form of a picture.

    Attributes:
        flip: mirrored left to right.
        angle: turned against the clock, in degrees.
        at: where it is cropped, from (0, 0) at the left top to (1, 1) at the right bottom.
    """

    flip: bool = False
    angle: float = 0.0
    at: tuple[float, float] = _MIDDLE


PLAIN = Look()
"""A picture as it is."""


@dataclass(frozen=True)
class Augmentation:
    """Which forms the pictures of a folder may have; the fields are the configuration's keys."""

    flip_aug: bool
    rotation_aug: float
    random_crop: bool
    augmentation_variants: int

    @classmethod
    def of(cls, config: TrainingConfig) -> Augmentation:
        """Take the fields from a configuration."""
        return cls(**{name: getattr(config, name) for name in cls.__dataclass_fields__})

    def form(self, chance: random.Random) -> Look:
        """Draw a form."""
        angle = chance.uniform(-self.rotation_aug, self.rotation_aug) if self.rotation_aug else 0.0
        at = (chance.random(), chance.random()) if self.random_crop else _MIDDLE
        return Look(self._flip(chance), angle, at)

    def variants(self, seed: int, sha256: str) -> tuple[Look, ...]:
        """Return the forms of one picture that are cached: first the picture as it is, mirrored ones last.

        They depend on the seed and the picture alone.
        """
        count = self.augmentation_variants if self.rotation_aug or self.random_crop else 1
        upright = [PLAIN]
        for number in range(1, count):
            drawn = self.form(random.Random(f"variant:{seed}:{sha256}:{number}"))
            upright.append(Look(False, drawn.angle, drawn.at))
        mirrored = [Look(True, look.angle, look.at) for look in upright] if self.flip_aug else []
        return (*upright, *mirrored)

    def one_of(self, variants: tuple[Look, ...], chance: random.Random) -> Look:
        """Choose one of `variants`, each with the same probability."""
        return variants[chance.randrange(len(variants))] if len(variants) > 1 else variants[0]

    def _flip(self, chance: random.Random) -> bool:
        return self.flip_aug and chance.random() < 0.5


def shown_pixels(
    picture: Image.Image, how: Fit, look: Look, *, background: str, interpolation: str | None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return what the encoder sees of an RGBA picture, and how opaque each place of its latents is.

    Args:
        picture: RGBA.
        background: "#rrggbb", shown by transparent parts.
        interpolation: as for `fit`.

    Returns:
        uint8 (H, W, 3), and float32 (H / 8, W / 8) from 0, transparent, to 1.
    """
    behind = Image.new("RGBA", picture.size, background)
    colors = Image.alpha_composite(behind, picture).convert("RGB")
    alpha = picture.getchannel("A")
    if look.angle:
        colors, alpha = _turned(colors, alpha, look.angle)
    pixels = fit(colors, how, interpolation=interpolation, at=look.at)
    opaque = fit(alpha.convert("RGB"), how, interpolation="area", at=look.at)[:, :, 0]
    if look.flip:
        pixels, opaque = pixels[:, ::-1].copy(), opaque[:, ::-1]
    height, width = opaque.shape[0] // 8, opaque.shape[1] // 8
    weights = opaque.reshape(height, 8, width, 8).mean(axis=(1, 3), dtype=np.float64) / 255
    return pixels, weights.astype(np.float32)


def _turned(colors: Image.Image, alpha: Image.Image, angle: float) -> tuple[Image.Image, Image.Image]:
    """Turn a picture on the grid that it is drawn on, so that its pixels stay square and no colour is new."""
    size = colors.size
    cells = native_size(np.asarray(colors)) or size
    small, opaque = (part.resize(cells, Image.Resampling.NEAREST) for part in (colors, alpha))
    turned = small.rotate(angle, Image.Resampling.NEAREST, fillcolor=edge_color(small))
    # The corners are no part of the picture.
    opaque = opaque.rotate(angle, Image.Resampling.NEAREST, fillcolor=0)
    return turned.resize(size, Image.Resampling.NEAREST), opaque.resize(size, Image.Resampling.NEAREST)


def edge_color(picture: Image.Image) -> tuple[int, int, int]:
    """Return the commonest colour of an RGB picture's outermost pixels; the darker one of two as common."""
    pixels = np.asarray(picture)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    found, counts = np.unique(edge, axis=0, return_counts=True)
    red, green, blue = found[counts.argmax()].tolist()
    return red, green, blue
