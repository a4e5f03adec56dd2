"""The noise that is learned to be taken away: its shape, its amount and the time steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .fields import TRAINING, Keys, Refuse, field

if TYPE_CHECKING:
    from . import TrainingConfig


class NoiseKeys(Keys):
    """The noise that is learned to be taken away: its shape, its amount and the time steps."""

    noise_offset: float = field(
        TRAINING,
        0.0,
        "Shift each picture's noise as a whole, for darker and brighter results.",
        "",
        ge=0,
        le=1,
    )
    noise_offset_random_strength: bool = field(
        TRAINING, False, "Draw the offset's strength anew for each batch, from 0 to noise_offset."
    )
    adaptive_noise_scale: float | None = field(
        TRAINING,
        None,
        "Add this much of each latent channel's mean to noise_offset.",
        "",
        ge=-10,
        le=10,
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
    ip_noise_gamma: float | None = field(
        TRAINING,
        None,
        "Disturb the input by this much more noise than is learned (input perturbation); 0.1 is usual.",
        "",
        ge=0,
        le=10,
    )
    ip_noise_gamma_random_strength: bool = field(
        TRAINING, False, "Draw that strength anew for each batch, from 0 to ip_noise_gamma."
    )
    min_timestep: int | None = field(
        TRAINING, None, "The first time step that is trained (least noise); 0 if not given.", "", ge=0, le=999
    )
    max_timestep: int | None = field(
        TRAINING,
        None,
        "The time step before which training ends (most noise); 1000 if not given.",
        "",
        ge=1,
        le=1000,
    )
    zero_terminal_snr: bool = field(
        TRAINING,
        False,
        "Let the last time step be pure noise; for bases that predict velocity (v_parameterization).",
    )

    @property
    def timestep_range(self) -> tuple[int, int]:
        """The first time step that is trained, and the one before which training ends, 0 to 1000."""
        return self.min_timestep or 0, 1000 if self.max_timestep is None else self.max_timestep


def check(config: TrainingConfig, refuse: Refuse) -> None:
    """Refuse keys of the noise that contradict each other, as kohya does."""
    if config.adaptive_noise_scale and not config.noise_offset:
        refuse("adaptive_noise_scale", "changes noise_offset, which is 0", "Give noise_offset too.")
    low, high = config.timestep_range
    if low > high or high == low == 1000:
        refuse("min_timestep", f"is above max_timestep = {high}", "Let it be below.")
    if config.zero_terminal_snr and not config.v_parameterization and high == 1000:
        refuse(
            "zero_terminal_snr",
            "makes the last time step pure noise, from which a base that predicts noise learns nothing",
            "Use it with v_parameterization alone.",
        )
