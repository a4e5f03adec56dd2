"""One optimizer step: gradients of its batches added up over batches and processes, checked, then applied.

Nothing is changed before every number of the step is known to be a number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from ..shown import on_one_line
from .batch import batch_loss, seed_of
from .errors import TrainingError
from .session import Session

MOST_OVERFLOWS = 40
"""Steps in a row that 16 bits may leave out; each halves the loss scale, and 2**-24 is no help any more."""


@dataclass(frozen=True)
class Step:
    """What came of a step.

    Attributes:
        loss: the mean of its batches.
        grad_norm: of all gradients together, before they are clipped; infinite for a step that was left out.
        rates: each parameter group's learning rate in it, by `Session.rates`' names.
        overflow: 16 bits could not hold the gradients: the step was left out and the loss scale lowered.
    """

    loss: float
    grad_norm: float
    rates: dict[str, float]
    overflow: bool


def add_gradients(session: Session, batch: list[int], epoch: int, number: int) -> torch.Tensor:
    """Add this process's share of one batch's gradients; return its share of the batch's loss."""
    share = session.ranks.share(len(batch))
    if share.start == share.stop:  # fewer pictures than processes
        return torch.zeros((), device=session.device)
    # Dropouts draw from torch's own generator: from here on as ever in this place, resumed or not.
    place = (epoch, number) if session.ranks.count == 1 else (epoch, number, session.ranks.rank)
    torch.manual_seed(seed_of(session.config.seed, "dropout", *place))
    with session.autocast():
        loss = batch_loss(session, batch, epoch, number)
    scaled = loss / session.config.gradient_accumulation_steps
    (session.scaler.scale(scaled) if session.scaler else scaled).backward()
    return loss.detach()


def apply_gradients(session: Session, losses: Sequence[torch.Tensor], batches: Sequence[list[int]]) -> Step:
    """Make the optimizer step of the batches whose gradients were added.

    Args:
        losses: what `add_gradients` returned for each.
        batches: their pictures, to name them.

    Raises:
        TrainingError: a loss or a gradient is not finite, before any weight has changed; or 16 bits have
            overflowed in too many steps in a row.
    """
    optimizer, scaler = session.optimizer, session.scaler
    parameters = session.network.parameters()
    (loss,) = session.ranks.add_up(parameters, float(sum(losses)) / len(losses))
    if not math.isfinite(loss):
        raise TrainingError(_not_finite("The loss", session, batches))
    if scaler:
        scaler.unscale_(optimizer)
    norm = torch.nn.utils.clip_grad_norm_(parameters, session.config.max_grad_norm or math.inf)
    rates = session.rates
    overflow = not math.isfinite(grad_norm := float(norm))
    if overflow and not scaler:
        raise TrainingError(_not_finite("A gradient", session, batches))
    if scaler:
        scaler.step(optimizer)  # leaves the weights alone when a gradient overflowed
        scaler.update()
        if scaler.get_scale() < scaler.get_backoff_factor() ** MOST_OVERFLOWS * 2**16:
            raise TrainingError(_not_finite("Every gradient of the last steps", session, batches))
    else:
        optimizer.step()
    if not overflow:  # as kohya: a step that was left out does not count for the schedule
        session.scheduler.step()
        if session.config.scale_weight_norms:
            session.network.limit_norms(session.config.scale_weight_norms)
        if session.ema is not None:
            session.ema.update()
    optimizer.zero_grad(set_to_none=True)
    return Step(loss, grad_norm, rates, overflow)


def _not_finite(what: str, session: Session, batches: Iterable[list[int]]) -> str:
    pictures = session.plan.training_set.pictures
    names = sorted({on_one_line(pictures[index].name) for batch in batches for index in batch})
    return (
        f"{what} is no longer a number; the pictures of that step are {', '.join(names)}. {_cause(session)} "
        "The files written so far are good."
    )


def _cause(session: Session) -> str:
    """Return where the first number lies that is none, and what to do, as a sentence.

    It is not in the base model: such a one is refused when it is loaded.
    """
    for name, weight in session.network.tensors().items():
        if not torch.isfinite(weight).all():
            return f"The LoRA holds such a value ({name}): lower the learning rate."
    return "Lower the learning rate, or use mixed_precision bf16 or no."
