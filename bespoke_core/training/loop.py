"""The training loop: from a checked plan to LoRA files.

Every draw of chance comes from the seed and the place in the run (epoch and batch), never from what was drawn
before. So a run that was interrupted anywhere goes on exactly as if it had not been.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from ..errors import UserCancelledError
from .batch import batch_loss
from .dataset import epoch_batches
from .errors import TrainingError
from .plan import TrainingPlan
from .saving import save_checkpoint, save_place, stateful
from .session import Session, Tell, prepare
from .state import STATE_FILE, Place, load_state


def train(plan: TrainingPlan, *, resume: bool, tell: Tell, stop: Callable[[], bool]) -> None:
    """Train and write every checkpoint of the plan.

    Args:
        plan: from `make_plan`.
        resume: go on from the run folder's state, if there is one.
        tell: told of every event.
        stop: asked between batches; when it returns True the state is saved and the run ends.

    Raises:
        UserCancelledError: `stop` returned True.
        TrainingError: the loss or a weight is no longer a number.
        InputError: the state does not belong to this plan.
    """
    session = prepare(plan, tell, stop)
    place = Place()
    if resume and (plan.run_folder / STATE_FILE).is_file():
        place = load_state(plan.run_folder / STATE_FILE, fingerprint=plan.fingerprint, **stateful(session))
        tell("resumed", epoch=place.epoch, step=place.step, steps=plan.steps)
    while place.epoch <= plan.epochs and place.step < plan.steps:
        place = _epoch(session, place, tell, stop)


def _epoch(session: Session, place: Place, tell: Tell, stop: Callable[[], bool]) -> Place:
    """Train the rest of the epoch that is under way, write its file and state; return the next place."""
    plan, config = session.plan, session.config
    batches = epoch_batches(plan.training_set, config.train_batch_size, seed=config.seed, epoch=place.epoch)
    accumulate = config.gradient_accumulation_steps
    tell("epoch", epoch=place.epoch, epochs=plan.epochs, step=place.step, steps=plan.steps)
    while place.batch < len(batches) and place.step < plan.steps:
        began = time.perf_counter()
        numbers = range(place.batch, min(place.batch + accumulate, len(batches)))
        loss = 0.0
        for number in numbers:
            if stop():
                save_place(session, place)
                raise UserCancelledError(f"stopped in epoch {place.epoch} after step {place.step}")
            loss += _backward(session, batches[number], place.epoch, number) / len(numbers)
        rate = float(session.scheduler.get_last_lr()[0])
        _update(session, [batches[number] for number in numbers])
        place = replace(
            place,
            batch=numbers.stop,
            step=place.step + 1,
            loss_sum=place.loss_sum + loss,
            loss_count=place.loss_count + 1,
        )
        tell(
            "step",
            epoch=place.epoch,
            epochs=plan.epochs,
            step=place.step,
            steps=plan.steps,
            loss=loss,
            mean_loss=place.loss_sum / place.loss_count,
            lr=rate,
            seconds=(seconds := time.perf_counter() - began),
            steps_per_second=1 / seconds,
        )
    save_checkpoint(session, place, tell)
    following = Place(epoch=place.epoch + 1, step=place.step)
    save_place(session, following)
    return following


def _backward(session: Session, batch: list[int], epoch: int, number: int) -> float:
    """Add one batch's gradients and return its loss.

    Raises:
        TrainingError: the loss is not finite; the pictures are named.
    """
    with torch.autocast(session.device.type, session.dtype, enabled=session.dtype != torch.float32):
        loss = batch_loss(session, batch, epoch, number)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise TrainingError(_not_finite("The loss", session, [batch]))
    loss = loss / session.config.gradient_accumulation_steps
    (session.scaler.scale(loss) if session.scaler else loss).backward()
    return value


def _update(session: Session, batches: list[list[int]]) -> None:
    """Make one optimizer step from the gradients that were added up.

    Raises:
        TrainingError: a gradient is not finite, before any weight has changed.
    """
    scaler, optimizer = session.scaler, session.optimizer
    if scaler:
        scaler.unscale_(optimizer)
    limit = session.config.max_grad_norm or math.inf
    norm = torch.nn.utils.clip_grad_norm_(session.network.parameters(), limit)
    if scaler:  # it leaves out a step that overflowed and lowers its scale
        scaler.step(optimizer)
        scaler.update()
    elif not torch.isfinite(norm):
        raise TrainingError(_not_finite("A gradient", session, batches))
    else:
        optimizer.step()
    session.scheduler.step()
    optimizer.zero_grad(set_to_none=True)


def _not_finite(what: str, session: Session, batches: list[list[int]]) -> str:
    names = sorted({session.plan.training_set.pictures[index].name for batch in batches for index in batch})
    return (
        f"{what} is no longer a number; the pictures of that step are {', '.join(names)}. The files written "
        "so far are good. Lower the learning rate, or use mixed_precision bf16 or no."
    )
