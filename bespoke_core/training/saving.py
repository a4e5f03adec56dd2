"""What a run writes while it goes on: its state, and a LoRA file an epoch."""

from __future__ import annotations

from typing import Any

from .kohya_file import checkpoint_name, save_lora
from .metadata import lora_metadata
from .session import Session, Tell
from .state import STATE_FILE, Place, save_state


def stateful(session: Session) -> dict[str, Any]:
    """Return the parts of a session that its state holds."""
    return {
        "network": session.network,
        "optimizer": session.optimizer,
        "scheduler": session.scheduler,
        "scaler": session.scaler,
    }


def save_place(session: Session, place: Place) -> None:
    """Write the state from which the run can go on at `place`, if states are asked for."""
    if session.config.save_state:
        path = session.plan.run_folder / STATE_FILE
        save_state(path, place, fingerprint=session.plan.fingerprint, **stateful(session))


def save_checkpoint(session: Session, place: Place, tell: Tell) -> None:
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
