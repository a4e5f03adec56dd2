"""What a run writes while it goes on: its state, and its LoRA files. Only the first process writes."""

from __future__ import annotations

import time
from pathlib import Path

from .claim import keeps
from .ema import weights_to_keep
from .errors import TrainingError, writing
from .judge import Tell
from .kohya_file import save_lora
from .metadata import lora_metadata
from .optimizer import described
from .outputs import epoch_name, epochs_between_files, last_name, step_name
from .session import Session
from .state import Place, save_state


class Saver:
    """Writes a run's files; each is whole or not there, and nothing is ever deleted.

    Args:
        session: the run.
        tell: told of every file.
    """

    def __init__(self, session: Session, tell: Tell) -> None:
        self._session, self._tell = session, tell
        self._saved = time.monotonic()

    def state(self, place: Place) -> None:
        """Write the state from which the run can go on at `place`, if states are asked for.

        Raises:
            TrainingError: it cannot be written; the former one is kept.
        """
        config, plan = self._session.config, self._session.plan
        at_end = config.save_state_on_train_end and place.step >= plan.steps
        if not self._session.ranks.first or not (config.save_state or at_end):
            return
        self._check_folder()
        with writing("The state", plan.own_state):
            save_state(plan.own_state, place, self._session.parts, fingerprint=plan.fingerprint)
        self._saved = time.monotonic()

    def state_within_epoch(self, place: Place) -> None:
        """Write the state after a step where its number or the time since the last one asks for it."""
        config = self._session.config
        steps, minutes = config.save_state_every_n_steps, config.save_state_every_n_minutes
        late = minutes and time.monotonic() - self._saved >= 60 * minutes
        if (steps and place.step % steps == 0) or late:
            self.state(place)

    def step_file(self, place: Place) -> None:
        """Write the file of a step, if it has one."""
        every = self._session.config.save_every_n_steps
        if every and place.step % every == 0:
            self._checkpoint(step_name(self._session.config.output_name, place.step), place, "step")

    def epoch_path(self, place: Place) -> Path | None:
        """Return the path of an epoch's file, None where the epoch has none."""
        plan, config = self._session.plan, self._session.config
        if place.epoch >= plan.epochs or place.step >= plan.steps:
            return plan.run_folder / last_name(config.output_name)
        if place.epoch % epochs_between_files(config, plan.epochs):
            return None
        return plan.run_folder / epoch_name(config.output_name, place.epoch)

    def epoch_file(self, place: Place) -> Path | None:
        """Write the file of the epoch that ended, if it has one; return its path."""
        path = self.epoch_path(place)
        if path is not None:
            self._checkpoint(path.name, place, "epoch")
        return path

    def _checkpoint(self, name: str, place: Place, kind: str) -> None:
        session, plan = self._session, self._session.plan
        if not session.ranks.first:
            return
        path = plan.run_folder / name
        self._check_folder()
        metadata = lora_metadata(
            session.config,
            plan.training_set,
            epoch=place.epoch,
            epochs=plan.epochs,
            step=place.step,
            steps=plan.steps,
            batches=plan.batches,
            processes=plan.processes,
            base_sha256=plan.base_sha256,
            optimizer=described(session.optimizer, session.config),
        )
        with writing(name, plan.own_state), weights_to_keep(session):
            save_lora(path, session.network, precision=session.config.save_precision, metadata=metadata)
        self._tell(
            "checkpoint",
            epoch=place.epoch,
            epochs=plan.epochs,
            step=place.step,
            path=name,
            kind=kind,
            mean_loss=place.loss_sum / max(1, place.loss_count),
        )

    def _check_folder(self) -> None:
        """Refuse to go on in a folder that somebody has removed or taken over: two halves are no run."""
        folder = self._session.plan.run_folder
        if not folder.is_dir():
            raise TrainingError(
                f"The run's folder {folder} was removed while it was trained in. If it was only moved, "
                "resume it where it lies now; else start anew."
            )
        if not keeps(folder):
            raise TrainingError(
                f"Another process has taken over {folder} while this one gave no sign of life, as on a "
                "machine that sleeps. That one goes on with the run; this one writes nothing more."
            )
