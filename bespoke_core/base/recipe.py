"""The recipe of the base model: everything that decides the trained weights, apart from the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import InputError
from ..files import key_of
from . import drawings

TEXT_SEED = 20251  # of the frozen text encoder, which the denoiser learns to read


@dataclass(frozen=True)
class Recipe:
    """What is trained, on what, and how.

    Attributes:
        steps: optimizer steps in all. The learning rate is constant and falls to zero over the last fifth, so
            that a run can be continued to a larger number from a state that was kept before the fall.
        widths: channels of the three levels (24x24, 12x12, 6x6 cells), see `slim`.
        drawings: pictures in the data set.
        train_batch_size: pictures a step.
        unet_lr: learning rate of AdamW.
        lr_warmup_steps: steps over which it rises from zero.
        ema_decay: of the running mean of the weights, which is what is kept.
        min_snr_gamma, noise_offset: as in LoRA training.
        caption_dropout_rate: share of captions replaced by an empty or a usual negative prompt, from 0 to 1,
            which is what guidance needs.
        seed: of the drawings, the starting weights, the order, the noise and the dropout.
    """

    steps: int = 3000
    widths: tuple[int, int, int] = (40, 120, 160)
    drawings: int = 24576
    train_batch_size: int = 32
    unet_lr: float = 1e-3
    lr_warmup_steps: int = 200
    ema_decay: float = 0.999
    min_snr_gamma: float = 5.0
    noise_offset: float = 0.1
    caption_dropout_rate: float = 0.1
    seed: int = 1

    def check(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            InputError: a number is out of range, or a width does not fit into the wide layout.
        """
        ranges = {"steps": 1_000_000, "drawings": 10_000_000, "train_batch_size": 4096}
        for field, most in ranges.items():
            value = getattr(self, field)
            if not 1 <= value <= most:
                raise InputError("is out of range", field=field, value=value, remedy=f"Use 1 to {most}.")
        if not 0 <= self.seed < 2**32:
            raise InputError(
                "is out of range", field="seed", value=self.seed, remedy=f"Use 0 to {2**32 - 1}."
            )
        if self.drawings < self.train_batch_size:
            raise InputError(
                f"is less than the {self.train_batch_size} pictures of a step",
                field="drawings",
                value=self.drawings,
                remedy="Use more drawings or a smaller batch.",
            )
        widths = self.widths
        if (
            len(widths) != 3
            or any(w % 40 or not 40 <= w <= 320 for w in widths)
            or list(widths) != sorted(widths)
        ):
            raise InputError(
                "is not three widths that fit",
                field="widths",
                value=",".join(map(str, widths)),
                remedy="Use three multiples of 40 up to 320 that do not fall, such as 40,120,160.",
            )

    def learning_rate(self, step: int) -> float:
        """Return the rate of a step, counted from 0."""
        falling = max(1, self.steps // 5)
        rise = min(1.0, (step + 1) / max(1, self.lr_warmup_steps))
        return self.unet_lr * rise * min(1.0, (self.steps - step) / falling)

    @property
    def fingerprint(self) -> str:
        """What a state must share with the recipe to be continued: all but the number of steps."""
        settings: dict[str, Any] = asdict(self) | {"version": drawings.VERSION, "text_seed": TEXT_SEED}
        del settings["steps"]
        return key_of(settings)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {**asdict(self), "widths": list(self.widths)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Return the recipe that `to_dict` told.

        Raises:
            TypeError: a key is unknown.
            KeyError: "widths" is missing.
        """
        return cls(**{**values, "widths": tuple(values["widths"])})
