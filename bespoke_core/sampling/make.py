"""A run's judge, made from its plan; what cannot work is refused before the run begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError
from ..training.judge import Judge
from ..training.keys.judging import HELD_OUT_LOSS
from ..training.path_keys import keys_named

if TYPE_CHECKING:
    from ..training.plan import TrainingPlan


def make_judge(plan: TrainingPlan) -> Judge | None:
    """Return the judge that a plan's keys ask for, None where nothing is to be drawn or compared.

    Nothing is written and no weights are loaded.

    Raises:
        InputError: the prompts cannot be read, the base cannot decode, or the metric can never be measured.
    """
    from .judge import PictureJudge
    from .prompts import read_sample_prompts

    config = plan.config
    with keys_named(config):
        prompts = read_sample_prompts(config)
    by_loss = config.early_stopping_metric == HELD_OUT_LOSS
    if by_loss and not plan.training_set.held_out:
        raise InputError(
            "there are no held-out pictures to measure it on",
            field="early_stopping_metric",
            value=HELD_OUT_LOSS,
            remedy="Set validation_split, or choose a score of the drawn sprites.",
        )
    if not prompts and not by_loss:
        return None
    if prompts:
        _check_decoder(plan)
        _check_metric(plan, [prompt.text for prompt in prompts])
    return PictureJudge(plan, prompts)


def _check_decoder(plan: TrainingPlan) -> None:
    from ..training.layout import VAE, read_shapes

    if not any(key.startswith((VAE + "decoder.", VAE + "taesd_decoder.")) for key in read_shapes(plan.base)):
        raise InputError(
            "holds no decoder, so no sample can be drawn with it",
            file=plan.base,
            field="sample_prompts",
            remedy="Use a complete checkpoint, or leave sample_prompts out.",
        )


def _check_metric(plan: TrainingPlan, texts: list[str]) -> None:
    from ..color.phrases import background_asked
    from .text import plain_text

    metric = plan.config.early_stopping_metric
    if metric != "background_distance" or any(background_asked(plain_text(text)) for text in texts):
        return
    raise InputError(
        "is never measured: no prompt names the colour of a background",
        field="early_stopping_metric",
        value=metric,
        remedy='Write prompts such as "..., green background", or choose another metric.',
    )
