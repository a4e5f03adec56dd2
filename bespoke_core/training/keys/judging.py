"""How a run judges its epochs while it trains: pictures, their scores, and when to stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BeforeValidator

from .fields import TRAINING, Keys, field

SAMPLING = "sample_prompt_arguments"
PROMPT_FILES = (".txt", ".toml", ".json")
HELD_OUT_LOSS = "held_out_loss"
VERDICT = "verdict"
JUDGING_KEYS = (
    "sample_prompts",
    "sample_every_n_epochs",
    "sample_every_n_steps",
    "sample_at_first",
    "sample_sampler",
    "sample_sprite_size",
    "sample_seeds",
    "early_stopping_metric",
    "early_stopping_patience",
    "early_stopping_threshold",
    "early_stopping_rule",
)
"""Keys that change nothing in any epoch's weights, only how epochs are looked at and how many there are."""


def names_a_file(sample_prompts: str) -> bool:
    """Return whether `sample_prompts` names a file; else it holds the prompts themselves, one a line."""
    text = sample_prompts.strip()
    return len(text.splitlines()) == 1 and PurePath(text).suffix.lower() in PROMPT_FILES and " --" not in text


def _sprite_size(value: object) -> object:
    """Turn 24, "24", "24,32" and [24, 32] into "24,32" (width, height)."""
    parts: list[Any] = value.split(",") if isinstance(value, str) else [value]
    if isinstance(value, (list, tuple)):
        parts = list(value)
    texts = [str(part).strip() for part in parts]
    if len(texts) not in (1, 2) or not all(text.isdecimal() and 1 <= int(text) <= 1024 for text in texts):
        raise ValueError('write one number or "width,height" in pixels from 1 to 1024, as in "24,24"')
    return f"{int(texts[0])},{int(texts[-1])}"


SpriteSize = Annotated[str, BeforeValidator(_sprite_size)]


class JudgingKeys(Keys):
    """How a run judges its epochs while it trains: pictures, their scores, and when to stop."""

    sample_prompts: str = field(
        SAMPLING,
        "",
        "Prompts to draw and score while training: a .txt, .toml or .json file in kohya's form, or the "
        "prompts themselves, one a line. After a prompt may stand --n negative, --w width, --h height, "
        "--d seed, --s steps, --l guidance, --ss sampler. Empty draws nothing.",
    )
    sample_every_n_epochs: int | None = field(
        SAMPLING,
        None,
        "Draw the prompts after every n-th epoch; 0 is never. Not given is every epoch, or none where "
        "sample_every_n_steps is given.",
        "epochs",
        ge=0,
        le=100_000,
    )
    sample_every_n_steps: int | None = field(
        SAMPLING,
        None,
        "Draw the prompts after every n-th step; 0 is never. As in kohya, sample_every_n_epochs wins.",
        "steps",
        ge=0,
        le=10_000_000,
    )
    sample_at_first: bool = field(SAMPLING, False, "Draw the prompts once before the first step, too.")
    sample_sampler: Literal[
        "euler",
        "k_euler",
        "euler_a",
        "k_euler_a",
        "ddim",
        "pndm",
        "lms",
        "k_lms",
        "heun",
        "dpm_2",
        "k_dpm_2",
        "dpm_2_a",
        "k_dpm_2_a",
        "dpmsolver",
        "dpmsolver++",
        "dpmsingle",
    ] = field(
        SAMPLING,
        "euler",
        "How the prompts are drawn: euler gives the picture of ComfyUI's KSampler with euler and normal "
        "(kohya's own default is ddim).",
    )
    sample_sprite_size: SpriteSize = field(
        SAMPLING,
        "24,24",
        'The sprite that a drawn picture is shrunk to and scored as: one number or "width,height".',
        "px",
    )
    sample_seeds: str = field(
        SAMPLING,
        "",
        'Seeds, as in "1-3" or "1, 2": every prompt that names no seed of its own (--d) is drawn with each '
        "of them. Empty draws each once.",
    )
    early_stopping_metric: Literal[
        "unique_colors",
        "perceptual_colors",
        "palette_distance",
        "edge_distance",
        "background_distance",
        "grid_fidelity",
        "held_out_loss",
    ] = field(
        TRAINING,
        "unique_colors",
        "What the best epoch is chosen by: a score of the drawn sprites, or the loss on the held-out "
        "pictures (validation_split). An epoch that does not follow its prompts is never the best. Without "
        "sample_prompts no score is measured: then only held_out_loss says which epoch is best, and any "
        "other choice has no effect.",
    )
    early_stopping_patience: int = field(
        TRAINING,
        0,
        "Stop when so many judged epochs in a row were no better than the best; 0 never stops. No file is "
        "deleted.",
        "epochs",
        ge=0,
        le=100_000,
    )
    early_stopping_threshold: float = field(
        TRAINING,
        0.0,
        "An epoch must be better by more than this, in the metric's units, for the patience to count anew.",
        "",
        ge=0,
        le=1_000_000,
    )
    early_stopping_rule: Literal["patience", "verdict"] = field(
        TRAINING,
        "patience",
        "patience stops after early_stopping_patience epochs that were no better. verdict waits as long "
        "and then stops only when the pictures prove it beyond chance, paired by prompt and seed: the last "
        "epochs are worse than an earlier one, no longer draw what is asked for, or gain less than 5 %. It "
        "takes six prompts and two seeds or more.",
    )

    @property
    def sprite_size(self) -> tuple[int, int]:
        """(width, height) of the sprites in pixels."""
        width, height = self.sample_sprite_size.split(",")
        return int(width), int(height)

    @property
    def epochs_between_samples(self) -> int:
        """Every how many epochs the prompts are drawn; 0 is never."""
        if not self.sample_prompts.strip():
            return 0
        if self.sample_every_n_epochs is not None:
            return self.sample_every_n_epochs
        return 0 if self.sample_every_n_steps else 1

    @property
    def steps_between_samples(self) -> int:
        """Every how many steps the prompts are drawn; 0 is never."""
        if not self.sample_prompts.strip() or self.epochs_between_samples:
            return 0
        return self.sample_every_n_steps or 0


def check(config: JudgingKeys, refuse: Callable[[str, str, str], NoReturn]) -> None:
    """Refuse a patience that would wait for a metric that is never measured, and a proof without pictures.

    Args:
        config: the keys.
        refuse: called with the field, the problem and the remedy.
    """
    proof = config.early_stopping_rule == VERDICT and bool(config.early_stopping_patience)
    if proof and config.early_stopping_metric == HELD_OUT_LOSS:
        refuse(
            "early_stopping_rule",
            "needs pictures, and the held-out loss is one number an epoch",
            "Choose another early_stopping_metric, or early_stopping_rule = patience.",
        )
    if not config.early_stopping_patience or config.early_stopping_metric == HELD_OUT_LOSS:
        return
    metric = config.early_stopping_metric
    if not config.sample_prompts.strip():
        refuse(
            "early_stopping_patience",
            f"waits for the score {metric} of sample_prompts, and there are none",
            "Give sample_prompts, or early_stopping_metric = held_out_loss with a validation split.",
        )
    if not config.epochs_between_samples:
        refuse(
            "early_stopping_patience",
            f"waits for the score {metric} of each epoch, and no epoch's prompts are drawn",
            "Set sample_every_n_epochs = 1.",
        )
