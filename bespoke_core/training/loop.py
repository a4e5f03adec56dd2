"""The training loop: from a checked plan to LoRA files.

Every draw of chance comes from the seed and the place in the run (epoch and batch), never from what was drawn
before. So a run that was interrupted anywhere goes on exactly as if it had not been.
"""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from ..errors import UserCancelledError
from .caption import process_caption
from .dataset import Picture, epoch_batches
from .errors import TrainingError
from .kohya_file import checkpoint_name, save_lora
from .latents import encode_pictures
from .loss import picture_losses, snr_weights
from .metadata import lora_metadata
from .noise import TIMESTEPS, add_noise, make_noise, velocity
from .plan import TrainingPlan
from .session import Session, Tell, prepare
from .state import STATE_FILE, Place, load_state, save_state
from .text import encode_windows, token_windows


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
        place = load_state(plan.run_folder / STATE_FILE, fingerprint=plan.fingerprint, **_stateful(session))
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
                _save_state(session, place)
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
    _save_checkpoint(session, place, tell)
    following = Place(epoch=place.epoch + 1, step=place.step)
    _save_state(session, following)
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


def batch_loss(session: Session, batch: list[int], epoch: int, number: int) -> torch.Tensor:
    """Return the mean loss of a batch of picture indices, with its gradients' graph.

    Args:
        epoch, number: the epoch and the batch in it; with the seed they decide all chance.
    """
    config = session.config
    pictures = [session.plan.training_set.pictures[index] for index in batch]
    generator = torch.Generator().manual_seed(_seed_of(config.seed, "noise", epoch, number))
    chance = random.Random(f"caption:{config.seed}:{epoch}:{number}")
    latents = torch.stack(_latents(session, pictures, batch))
    timesteps = torch.randint(0, TIMESTEPS, (len(batch),), generator=generator)
    noise = make_noise(
        (latents.shape[0], latents.shape[1], latents.shape[2], latents.shape[3]),
        generator,
        offset=config.noise_offset,
        iterations=config.multires_noise_iterations,
        discount=config.multires_noise_discount,
    )
    latents, noise, timesteps = (tensor.to(session.device) for tensor in (latents, noise, timesteps))
    captions = [process_caption(p.caption, config, epoch=epoch, chance=chance) for p in pictures]
    windows = token_windows(session.tokenizer, captions, config.max_token_length).to(session.device)
    if session.frozen_text is not None:
        context = session.frozen_text.encode(windows)
    else:
        context = encode_windows(session.base.text_encoder, windows, config.clip_skip)
    noisy = add_noise(latents, noise, timesteps, session.alphas)
    predicted = session.base.unet(noisy.to(session.dtype), timesteps, context.to(session.dtype)).sample
    v = config.v_parameterization
    weights = None
    if config.min_snr_gamma is not None:
        weights = snr_weights(timesteps, session.alphas, config.min_snr_gamma, velocity=v)
    target = velocity(latents, noise, timesteps, session.alphas) if v else noise
    ones = torch.ones(len(batch), device=session.device)
    return picture_losses(predicted, target, picture_weights=ones, snr_weight=weights).mean()


def _latents(session: Session, pictures: list[Picture], batch: list[int]) -> list[torch.Tensor]:
    if session.latents:
        return [session.latents[index] for index in batch]
    return encode_pictures(pictures, session.base.encoder, session.config, session.device)


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


def _seed_of(seed: int, *place: object) -> int:
    """Return 63 bits that depend on the seed and the place in the run."""
    digest = hashlib.sha256(":".join(map(str, (seed, *place))).encode("ascii")).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def _stateful(session: Session) -> dict[str, Any]:
    return {
        "network": session.network,
        "optimizer": session.optimizer,
        "scheduler": session.scheduler,
        "scaler": session.scaler,
    }


def _save_state(session: Session, place: Place) -> None:
    if session.config.save_state:
        path = session.plan.run_folder / STATE_FILE
        save_state(path, place, fingerprint=session.plan.fingerprint, **_stateful(session))


def _save_checkpoint(session: Session, place: Place, tell: Tell) -> None:
    """Write the epoch's file, if it has one."""
    plan, config = session.plan, session.config
    last = place.epoch >= plan.epochs or place.step >= plan.steps
    if not last and place.epoch % config.save_every_n_epochs:
        return
    path = plan.run_folder / checkpoint_name(config.output_name, place.epoch, last=last)
    metadata = lora_metadata(
        config,
        plan.training_set,
        epoch=place.epoch,
        epochs=plan.epochs,
        step=place.step,
        steps=plan.steps,
        batches=plan.batches,
        base_sha256=plan.base_sha256,
        optimizer=f"{type(session.optimizer).__module__}.{type(session.optimizer).__qualname__}",
    )
    save_lora(path, session.network, precision=config.save_precision, metadata=metadata)
    mean = place.loss_sum / max(1, place.loss_count)
    tell("checkpoint", epoch=place.epoch, epochs=plan.epochs, step=place.step, path=path.name, mean_loss=mean)
