"""How well a base model does what it is asked: prompts that it never saw, drawn, scored and counted."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..amounts import counted
from ..portraits.draw import enlarge
from ..scoring.score import Scores, score_pictures
from .drawings import held_out_prompts

if TYPE_CHECKING:
    from PIL import Image

SEED = 777  # of the held-out prompts; the training's drawings have another
SIZE = 192  # pixels of a picture's side, eight a cell
_ANSWERS = ("yes", "no", "unclear")


@dataclass(frozen=True)
class Measurement:
    """What was counted on pictures of held-out prompts.

    Attributes:
        count: pictures.
        steps: of the sampler.
        cfg: scale of guidance; 1 is without.
        background: pictures whose background is what was asked ("yes"), is not ("no"), or cannot be told.
        by_color: the same for each colour that was asked for.
        grid_fidelity: mean over the pictures, None when none could be measured.
        unique_colors: median over the pictures.
        perceptual_colors: median over the pictures.
        seconds: that drawing took.
        prompts: that were asked.
        sprites: uint8 (count, 24, 24, 3), in the prompts' order.
    """

    count: int
    steps: int
    cfg: float
    background: dict[str, int]
    by_color: dict[str, dict[str, int]]
    grid_fidelity: float | None
    unique_colors: float
    perceptual_colors: float
    seconds: float
    prompts: tuple[str, ...] = field(repr=False)
    sprites: NDArray[np.uint8] = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON-able values, without prompts and pictures."""
        left_out = {"prompts", "sprites"}
        found = {key: value for key, value in self.__dict__.items() if key not in left_out}
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in found.items()}


def measure(
    denoiser: Any,
    *,
    count: int = 100,
    steps: int = 20,
    cfg: float = 4.0,
    device: str = "cpu",
    tokenizer_path: str = "",
    tell: Callable[[str], None] | None = None,
) -> Measurement:
    """Draw held-out prompts and score the pictures.

    Args:
        denoiser: narrow or wide UNet2DConditionModel that predicts noise.
        count: prompts; 12 background colours take turns.
        steps: of the sampler.
        cfg: scale of classifier-free guidance; 1 is without.
        device: "cpu" or "cuda".
        tokenizer_path: folder of CLIP's tokenizer; found as for LoRA training when empty.
        tell: takes a line of progress.

    Raises:
        InputError: no tokenizer was found.
    """
    from .contexts import encode_all
    from .sampling import sample_sprites

    asked = held_out_prompts(count, SEED)
    prompts = [prompt for prompt, _ in asked]
    if tell is not None:
        drawn = f"{counted(count, 'held-out prompt')} in {counted(steps, 'step')}"
        tell(f"draws {drawn} with guidance {cfg:g}")
    contexts = encode_all([*prompts, ""], device=device, tokenizer_path=tokenizer_path)
    since = time.monotonic()
    sprites = sample_sprites(
        denoiser.to(device), contexts[:-1], contexts[-1:], list(range(count)), steps=steps, cfg=cfg
    )
    seconds = time.monotonic() - since
    scores = score_pictures(np.stack([enlarge(one, SIZE) for one in sprites]), prompts=prompts)
    return summary(scores, asked, sprites, steps=steps, cfg=cfg, seconds=seconds)


def summary(
    scores: Sequence[Scores],
    asked: Sequence[tuple[str, str]],
    sprites: NDArray[np.uint8],
    *,
    steps: int,
    cfg: float,
    seconds: float,
) -> Measurement:
    """Count scores of pictures for the (prompt, colour) that were asked."""
    total = dict.fromkeys(_ANSWERS, 0)
    by_color: dict[str, dict[str, int]] = {}
    for score, (_, color) in zip(scores, asked, strict=True):
        for counts in (total, by_color.setdefault(color, dict.fromkeys(_ANSWERS, 0))):
            counts[score.background_match] += 1
    grids = [score.grid_fidelity for score in scores if score.grid_fidelity is not None]
    return Measurement(
        count=len(scores),
        steps=steps,
        cfg=float(cfg),
        background=total,
        by_color=by_color,
        grid_fidelity=statistics.fmean(grids) if grids else None,
        unique_colors=float(statistics.median(score.unique_colors for score in scores)),
        perceptual_colors=float(statistics.median(score.perceptual_colors for score in scores)),
        seconds=seconds,
        prompts=tuple(prompt for prompt, _ in asked),
        sprites=sprites,
    )


def sheet(sprites: NDArray[np.uint8], *, columns: int = 12, size: int = 96) -> Image.Image:
    """Return sprites, uint8 (N, h, w, 3), as one picture in rows, each enlarged to `size` pixels."""
    from PIL import Image

    rows = -(-len(sprites) // columns)
    page = np.full((rows * size, columns * size, 3), 255, np.uint8)
    for number, sprite in enumerate(sprites):
        top, left = number // columns * size, number % columns * size
        page[top : top + size, left : left + size] = enlarge(sprite, size)
    return Image.fromarray(page)
