"""How the loss is taken and weighed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .fields import TRAINING, Keys, Refuse, field

if TYPE_CHECKING:
    from . import TrainingConfig


class LossKeys(Keys):
    """How the loss is taken and weighed."""

    loss_type: Literal["l2", "l1", "huber", "smooth_l1"] = field(
        TRAINING, "l2", "The loss: the square of the error, or one that outliers weigh less in."
    )
    huber_schedule: Literal["snr", "exponential", "constant"] = field(
        TRAINING, "snr", "How the bend of huber and smooth_l1 goes with the time step."
    )
    huber_c: float = field(
        TRAINING, 0.1, "Where huber and smooth_l1 bend: least at the noisiest time step.", "", gt=0, le=100
    )
    huber_scale: float = field(
        TRAINING, 1.0, "A factor of that bend, for exponential and constant alone.", "", gt=0, le=100
    )
    min_snr_gamma: float | None = field(
        TRAINING,
        None,
        "Weigh the loss of nearly clean pictures down (min-SNR); 5 is usual; 0 or not given is off.",
        "",
        ge=0,
        le=1000,
    )
    scale_v_pred_loss_like_noise_pred: bool = field(
        TRAINING, False, "Weigh a velocity loss as if noise were predicted; needs v_parameterization."
    )
    v_pred_like_loss: float | None = field(
        TRAINING,
        None,
        "Add this much of the loss as if velocity were predicted; not with v_parameterization.",
        "",
        ge=0,
        le=1000,
    )
    debiased_estimation_loss: bool = field(
        TRAINING, False, "Weigh noisy time steps up (debiased estimation): 1 / sqrt(SNR)."
    )


def check(config: TrainingConfig, refuse: Refuse) -> None:
    """Refuse keys of the loss that contradict each other, as kohya does."""
    if config.scale_v_pred_loss_like_noise_pred and not config.v_parameterization:
        refuse(
            "scale_v_pred_loss_like_noise_pred",
            "is for bases that predict velocity",
            "Leave it out, or set v_parameterization = true for such a base.",
        )
    if config.v_pred_like_loss and config.v_parameterization:
        refuse("v_pred_like_loss", "is for bases that predict noise", "Leave one of the two out.")
