"""The judge of a run: draws its prompts when due, scores them, says what is best and when to stop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..training.judge import SAMPLES_FOLDER, SCORES_FILE, Judgement, Stop, Tell, tell_best
from ..training.keys.judging import HELD_OUT_LOSS, VERDICT
from ..training.plan import TrainingPlan
from .history import JudgedEpoch, SampledPicture, read_history, write_history
from .prompts import SamplePrompt
from .scores import Scorer
from .stopping import Decision, StoppingRule, decide, value_of

if TYPE_CHECKING:
    from ..training.session import Session


class PictureJudge:
    """A `training.judge.Judge` that goes by drawn pictures and by the held-out loss.

    Args:
        plan: of the run.
        prompts: to draw; empty where the held-out loss alone decides.

    Attributes:
        patience: None, because the run's keys say how long it waits.
        notices: none; what is to be said is known when pictures are scored.
    """

    patience: int | None = None
    notices: tuple[str, ...] = ()

    def __init__(self, plan: TrainingPlan, prompts: Sequence[SamplePrompt]) -> None:
        config = plan.config
        self.plan, self.prompts = plan, tuple(prompts)
        self.rule = StoppingRule(
            config.early_stopping_metric,
            config.early_stopping_patience,
            config.early_stopping_threshold,
            proof=config.early_stopping_rule == VERDICT,
        )
        self._scorer = Scorer(plan, self.prompts)
        self._path = plan.run_folder / SAMPLES_FOLDER / SCORES_FILE
        self._history: tuple[JudgedEpoch, ...] = ()
        self._stop: Stop = lambda: False
        self._said: set[str] = set()

    def begin(
        self,
        session: Session,
        *,
        epoch: int,
        step: int,
        tell: Tell,
        stop: Stop = lambda: False,
    ) -> None:
        """Read what was judged before `epoch`, and draw the untrained LoRA where sample_at_first asks for it.

        Raises:
            InputError: samples/scores.json is damaged.
            UserCancelledError: `stop` returned True.
        """
        self._stop = stop
        self._history = tuple(one for one in read_history(self._path) if one.epoch < epoch)
        if any(one.samples_key != self._scorer.key for one in self._history):
            self._notice(
                tell,
                "sample_prompts are not those of the epochs so far: only epochs from now on are compared.",
            )
        tell_best(decide(self._history, self.rule).best, None, tell)
        if step == 0 and session.config.sample_at_first and self.prompts:
            self._draw(session, self._name("e000000"), epoch=0, step=0, file=None, tell=tell)

    def after_step(self, session: Session, *, epoch: int, step: int, tell: Tell) -> None:
        """Draw where sample_every_n_steps says so.

        Raises:
            UserCancelledError: `stop` of `begin` returned True.
        """
        every = session.config.steps_between_samples
        if every and step % every == 0:
            self._draw(session, self._name(f"{step:06d}"), epoch=epoch, step=step, file=None, tell=tell)

    def after_epoch(
        self,
        session: Session,
        *,
        epoch: int,
        step: int,
        checkpoint: Path | None,
        held_out_loss: float | None = None,
        tell: Tell,
    ) -> Judgement:
        """Draw and score the epoch where that is due, write it down, and decide.

        An epoch that stands in samples/scores.json is not drawn again.

        Raises:
            UserCancelledError: `stop` of `begin` returned True; the epoch is judged when the run goes on.
        """
        if not any(one.epoch == epoch for one in self._history):
            before = decide(self._history, self.rule).best
            every = session.config.epochs_between_samples
            file = None if checkpoint is None else checkpoint.name
            pictures: tuple[SampledPicture, ...] = ()
            if every and epoch % every == 0:
                name = self._name(f"e{epoch:06d}")
                pictures = self._draw(session, name, epoch=epoch, step=step, file=file, tell=tell)
            one = JudgedEpoch(
                epoch=epoch,
                step=step,
                file=file,
                held_out_loss=held_out_loss,
                samples_key=self._scorer.key,
                pictures=pictures,
            )
            self._history = (*self._history, one)
            self._write(decide(self._history, self.rule))
            self._tell_unmeasured(one, tell)
            tell_best(decide(self._history, self.rule).best, before, tell)
        decision = decide(self._history, self.rule)
        if decision.stop:
            tell("early_stop", epoch=epoch, reason=decision.reason)
        return Judgement(decision.stop, decision.best.file if decision.best else None, decision.reason)

    def _name(self, place: str) -> str:
        return f"{self.plan.config.output_name}_{place}"

    def _draw(
        self, session: Session, name: str, *, epoch: int, step: int, file: str | None, tell: Tell
    ) -> tuple[SampledPicture, ...]:
        """Draw, score and write all prompts, and tell of them."""
        from .drawing import draw_prompts

        count = len(self.prompts)
        drawn = draw_prompts(
            session,
            self.prompts,
            stop=self._stop,
            drawn=lambda number: tell("sampling", epoch=epoch, step=step, done=number, of=count),
        )
        pictures = self._scorer.keep(name, drawn, epoch=epoch, step=step, file=file)
        if self._scorer.problem:
            self._notice(tell, self._scorer.problem)
        broken = [str(number) for number, one in enumerate(drawn, 1) if one is None]
        if broken:
            tell(
                "notice",
                text=f"The pictures of prompts {', '.join(broken)} after step {step} are not numbers: they "
                "are black and have no scores. The LoRA may have been trained too fast.",
            )
        if pictures:
            shown = JudgedEpoch(epoch=max(1, epoch), step=step, file=file, pictures=pictures).scores()
            paths, sprites = [one.file for one in pictures], [one.sprite for one in pictures]
            tell("samples", epoch=epoch, step=step, paths=paths, sprites=sprites, scores=shown)
        return pictures

    def _write(self, decision: Decision) -> None:
        more: dict[str, Any] = {
            "metric": self.rule.metric,
            "best": decision.best.to_dict() if decision.best else None,
            "epochs_without_improvement": decision.waited,
            "stopped": decision.reason or None,
        }
        write_history(self._path, self._history, **more)

    def _tell_unmeasured(self, one: JudgedEpoch, tell: Tell) -> None:
        """Say once why there is no best epoch although one was asked for."""
        metric = self.rule.metric
        if (one.pictures or metric == HELD_OUT_LOSS) and value_of(one, metric) is None:
            self._notice(
                tell,
                f"early_stopping_metric {metric} was not measured in epoch {one.epoch}, so it is passed "
                "over: it can neither be the best nor end the run.",
            )

    def _notice(self, tell: Tell, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            tell("notice", text=text)
