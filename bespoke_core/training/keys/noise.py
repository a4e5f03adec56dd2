"""The noise that is learned to be taken away, and how the loss is weighed."""

from __future__ import annotations

from .fields import TRAINING, Keys, field


class NoiseKeys(Keys):
    """The noise that is learned to be taken away, and how the loss is weighed."""

    min_snr_gamma: float | None = field(
        TRAINING,
        None,
        "Weigh the loss of nearly clean pictures down (min-SNR); 5 is usual.",
        "",
        gt=0,
        le=1000,
    )
    noise_offset: float = field(
        TRAINING,
        0.0,
        "Shift each picture's noise as a whole, for darker and brighter results.",
        "",
        ge=0,
        le=1,
    )
    multires_noise_iterations: int = field(
        TRAINING,
        0,
        "Add noise at this many coarser sizes (multi-resolution noise); 0 is off.",
        "",
        ge=0,
        le=64,
    )
    multires_noise_discount: float = field(
        TRAINING, 0.3, "How much less each coarser size of that noise counts.", "", ge=0, le=1
    )
