"""The recipe of the base model: everything that decides the trained weights, apart from the machine."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

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

    steps: int = 5000
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
