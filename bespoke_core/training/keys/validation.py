"""How the loss on pictures that are held out of training is measured."""

from __future__ import annotations

from .fields import TRAINING, Keys, field

VALIDATION_KEYS = (
    "validate_every_n_epochs",
    "validate_every_n_steps",
    "max_validation_steps",
    "validation_seed",
)
"""Keys that change what is measured and nothing in the weights."""


class ValidationKeys(Keys):
    """How the loss on pictures that are held out of training is measured."""

    validate_every_n_epochs: int | None = field(
        TRAINING,
        None,
        "Measure the held-out loss after every n-th epoch; not given is every epoch.",
        "epochs",
        ge=1,
        le=100_000,
    )
    validate_every_n_steps: int | None = field(
        TRAINING, None, "Measure the held-out loss after every n-th step too.", "steps", ge=1, le=10_000_000
    )
    max_validation_steps: int | None = field(
        TRAINING,
        None,
        "Measure it on this many batches at most; not given is all.",
        "batches",
        ge=1,
        le=1_000_000,
    )
    validation_seed: int | None = field(
        TRAINING,
        None,
        "The noise of the held-out loss comes from this number; not given is seed.",
        "",
        ge=0,
        le=2**63 - 1,
    )
