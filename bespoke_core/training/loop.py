"""The training loop: from a checked plan to LoRA files.

Every draw of chance comes from the seed and the place in the run (epoch and batch), never from what was drawn
before. So a run that was interrupted anywhere goes on exactly as if it had not been.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .dataset import epoch_batches
from .ema import weights_to_keep
from .errors import StoppedError, TrainingError
from .judge import Judge, Judgement, Stop, Tell
from .pace import Pace
from .parallel import Ranks
from .plan import TrainingPlan
from .saving import Saver
from .session import Session, prepare
from .state import Place, State, load_state, read_state
from .step import Step, add_gradients, apply_gradients
from .validation import due_after_epoch, due_after_step, held_out_loss


def train(
    plan: TrainingPlan,
    *,
    resume: bool,
    tell: Tell,
    stop: Stop,
    judge: Judge | None = None,
    ranks: Ranks | None = None,
) -> EarlyStop | None:
    """Train and write every checkpoint of the plan.

    Args:
        plan: from `make_plan`.
        resume: go on from the run folder's state, if there is one.
        tell: told of every event.
        stop: asked between batches; when it returns True the state is saved and the run ends.
        judge: looks at every epoch and may end the run early.
        ranks: the processes that train together; none is this one alone.

    Returns:
        Where and why the judge ended the run, None where it came to its planned end.

    Raises:
        StoppedError: `stop` returned True.
        TrainingError: the loss or a weight is no longer a number, a file cannot be written, or another
            process of the run is gone.
        InputError: the state does not belong to this plan.
    """
    session = prepare(plan, tell, stop, ranks)
    return Loop(session, tell, stop, judge).run(resume=resume)


@dataclass(frozen=True)
class EarlyStop:
    """Where and why the judge ended a run.

    Attributes:
        epoch, step: the last that were trained.
        reason: the judge's, as a sentence.
        patience: the judge's, see `Judge.patience`.
    """

    epoch: int
    step: int
    reason: str
    patience: int | None = None


class Loop:
    """A run under way.

    Args:
        session: what it works with.
        tell: told of every event.
        stop: asked between batches.
        judge: looks at every epoch, or None.
    """

    def __init__(self, session: Session, tell: Tell, stop: Stop, judge: Judge | None = None) -> None:
        self._session, self._tell, self._stop, self._judge = session, tell, stop, judge
        self._saver = Saver(session, tell)
        self._pace = Pace()

    def run(self, *, resume: bool) -> EarlyStop | None:
        """Train from the plan's beginning, or from where the state says; see `train` for what comes back."""
        plan, place = self._session.plan, self._place(resume)
        self._judging("begin", place)
        if place.batch == 0 and place.epoch > plan.begin.epoch:
            # Whatever ended the run may have done so between the state and the judgement.
            ended = replace(place, epoch=place.epoch - 1)
            if stop := self._judged(ended, self._saver.epoch_path(ended)):
                return stop
        while not self._at_end(place):
            ended = self._epoch(place)
            checkpoint = self._saver.epoch_file(ended)
            place = Place(epoch=ended.epoch + 1, step=ended.step)
            self._saver.state(place)
            if stop := self._judged(ended, checkpoint):
                return stop
        return None

    def _epoch(self, place: Place) -> Place:
        """Train the rest of the epoch that is under way; return where it ended."""
        session, plan, config = self._session, self._session.plan, self._session.config
        batches = epoch_batches(
            plan.training_set,
            config.train_batch_size,
            seed=config.seed,
            epoch=place.epoch,
            ranks=plan.processes,
        )
        self._tell("epoch", epoch=place.epoch, epochs=plan.epochs, step=place.step, steps=plan.steps)
        while place.batch < len(batches) and place.step < plan.steps:
            self._pace.begin()
            numbers = range(place.batch, min(place.batch + config.gradient_accumulation_steps, len(batches)))
            losses = []
            for number in numbers:
                self._obey_stop(place, first=number == numbers.start)
                losses.append(add_gradients(session, batches[number], place.epoch, number))
            done = apply_gradients(session, losses, [batches[number] for number in numbers])
            place = replace(
                place,
                batch=numbers.stop,
                step=place.step + 1,
                loss_sum=place.loss_sum + done.loss,
                loss_count=place.loss_count + 1,
            )
            self._tell_step(place, done)
            self._saver.step_file(place)
            self._saver.state_within_epoch(place)
            if due_after_step(config, place.step):
                self._measured(place)
            self._judging("after_step", place)
        self._pace.pause()
        return place

    def _at_end(self, place: Place) -> bool:
        return place.epoch > self._session.plan.epochs or place.step >= self._session.plan.steps

    def _place(self, resume: bool) -> Place:
        """Bring back what this run, or the one it begins from, has done; return where to go on."""
        session, plan, ranks = self._session, self._session.plan, self._session.ranks
        own = resume and ranks.from_first(plan.own_state.is_file)
        path = plan.own_state if own else plan.start
        if path is None:
            return plan.begin
        told, tensors = {}, {}
        if ranks.first:
            state = read_state(path, fingerprint=plan.fingerprint if own else None)
            told, tensors = state.told, state.tensors
        state = State(ranks.from_first(lambda: told), ranks.tensors_from_first(tensors))
        place = load_state(state, session.parts, path=path, own_rates=not own)
        if not own:
            place = plan.begin
        self._tell("resumed", epoch=place.epoch, step=place.step, steps=plan.steps)
        return place

    def _obey_stop(self, place: Place, *, first: bool) -> None:
        """Save and end the run when it was asked to stop; several processes ask each other once a step."""
        ranks = self._session.ranks
        if (ranks.count > 1 and not first) or not ranks.any(self._stop()):
            return
        self._saver.state(place)
        raise StoppedError(place, saved=self._session.config.save_state)

    def _judged(self, ended: Place, checkpoint: Path | None) -> EarlyStop | None:
        """Measure and judge the epoch that ended; the first process does, the others wait for its word."""
        due = due_after_epoch(self._session.config, ended.epoch)
        held_out = self._measured(ended) if due else None
        if self._judge is None:
            return None
        judge = self._judge

        def ask() -> dict[str, Any]:
            with weights_to_keep(self._session):
                told = judge.after_epoch(
                    self._session,
                    epoch=ended.epoch,
                    step=ended.step,
                    checkpoint=checkpoint,
                    held_out_loss=held_out,
                    tell=self._tell,
                )
            return asdict(told)

        told = Judgement(**self._session.ranks.from_first(ask))
        if not told.stop or self._at_end(replace(ended, epoch=ended.epoch + 1)):
            return None
        return EarlyStop(ended.epoch, ended.step, told.reason, told.patience)

    def _measured(self, place: Place) -> float | None:
        """Measure the loss on the held-out pictures, if there are any."""
        session = self._session
        loss = session.ranks.from_first(lambda: held_out_loss(session))
        if loss is not None:
            if not math.isfinite(loss):
                raise TrainingError("The held-out loss is no longer a number. The files so far are good.")
            self._tell("validation", epoch=place.epoch, step=place.step, loss=loss)
        return loss

    def _judging(self, when: str, place: Place) -> None:
        """Let the judge get ready, or look at a step where one is due."""
        session, judge = self._session, self._judge
        every = session.config.steps_between_samples
        if judge is None or not session.ranks.first:
            return
        now = {"epoch": place.epoch, "step": place.step}
        if when == "begin":
            with weights_to_keep(session):
                judge.begin(session, **now, tell=self._tell, stop=self._stop)
        elif every and place.step % every == 0:
            with weights_to_keep(session):
                judge.after_step(session, **now, tell=self._tell)

    def _tell_step(self, place: Place, done: Step) -> None:
        seconds, plan, pace = self._pace.end(), self._session.plan, self._pace
        if slept := pace.slept():
            self._tell("slept", seconds=slept)
        self._tell(
            "step",
            epoch=place.epoch,
            epochs=plan.epochs,
            step=place.step,
            steps=plan.steps,
            loss=done.loss,
            mean_loss=place.loss_sum / place.loss_count,
            lr=next(iter(done.rates.values())),
            lrs=done.rates,
            grad_norm=None if done.overflow else done.grad_norm,
            seconds=seconds,
            steps_per_second=1 / pace.seconds,
            seconds_left=pace.left(plan.steps - place.step, plan.epochs - place.epoch),
        )
