"""The judge that has every new epoch swept on a ComfyUI server and ends the run when it is past its peak."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from ..errors import BespokeError, InputError, UserCancelledError
from ..evaluation.following import following
from ..evaluation.plan_file import PlanFile
from ..evaluation.problems import problem_notes, problem_of
from ..evaluation.seeds import parse_seeds
from ..evaluation.settings import SamplerSettings
from ..evaluation.stopping import PATIENCE
from ..evaluation.table import Row, parse_csv, read_csv, write_csv
from ..files import sha256_of_file
from ..sampling.history import JudgedEpoch, read_history, write_history
from ..training.judge import SAMPLES_FOLDER, SCORES_FILE, Judge, Judgement, Stop, Tell, tell_best
from .client import Client
from .job import History
from .sweep import fetch_pictures, fetch_table, sweep_graph
from .sweep_decision import Decision, decide_by_rows
from .sweep_plan import plan_for_run

if TYPE_CHECKING:
    from ..training.plan import TrainingPlan
    from ..training.session import Session

TABLE_FILE = "table.csv"
_ASK_S = 5.0  # seconds between two questions whether the user has stopped the run


class SweepJudge:
    """A `training.judge.Judge` that goes by the pictures that a ComfyUI server draws.

    After each epoch the plan is queued: the server finds the new file and draws the cells that are missing,
    also those of epochs in which it did not answer. Table and pictures are brought into the run's folder
    ``samples``, which `verdict` and `report` read. What goes wrong on the server ends no training: it is told
    of, and the next epoch tries again.

    Args:
        plan: of the run.
        sweep: what is drawn, from `plan_for_run`.
        client: of the server.
        patience: see `evaluation.stopping.should_stop`.

    Attributes:
        notices: that sample_prompts are not drawn, where there are some.
    """

    def __init__(self, plan: TrainingPlan, sweep: PlanFile, client: Client, patience: int = PATIENCE) -> None:
        self.plan, self.sweep, self.client, self.patience = plan, sweep, client, patience
        self.notices: tuple[str, ...] = ()
        if plan.config.sample_prompts.strip():
            self.notices = ("sample_prompts are not drawn: --sweep draws its plan's prompts in their place.",)
        self._folder = plan.run_folder / SAMPLES_FOLDER
        self._rows: tuple[Row, ...] = ()
        self._history: tuple[JudgedEpoch, ...] = ()
        self._stop: Stop = lambda: False

    def begin(
        self,
        session: Session,
        *,
        epoch: int,
        step: int,
        tell: Tell,
        stop: Stop = lambda: False,
    ) -> None:
        """Read what was swept before `epoch`.

        Raises:
            InputError: samples/scores.json or samples/table.csv is damaged.
        """
        self._stop = stop
        self._history = tuple(one for one in read_history(self._folder / SCORES_FILE) if one.epoch < epoch)
        table = self._folder / TABLE_FILE
        self._rows = tuple(read_csv(table)) if table.is_file() else ()
        tell_best(self._decision(epoch - 1).best, None, tell)

    def after_step(self, session: Session, *, epoch: int, step: int, tell: Tell) -> None:
        """Nothing: epochs alone are swept."""

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
        """Have the epoch swept, write down what was found, and decide.

        Raises:
            UserCancelledError: `stop` of `begin` returned True; the epoch is swept when the run goes on.
        """
        if checkpoint is None:
            return Judgement()
        if not any(one.epoch == epoch for one in self._history):
            before = self._decision(epoch - 1).best
            try:
                self._sweep(epoch, step, checkpoint, tell)
            except BespokeError as error:
                if self._stop():
                    raise UserCancelledError("stopped while the epoch was swept") from error
                tell("notice", text=_not_judged(checkpoint.name, error))
                return Judgement(best=before.file if before else None)
            one = JudgedEpoch(epoch=epoch, step=step, file=checkpoint.name, held_out_loss=held_out_loss)
            self._history = (*self._history, one)
            decision = self._decision(epoch)
            self._write(decision)
            tell_best(decision.best, before, tell)
        decision = self._decision(epoch)
        # A best epoch that does not follow its prompts is nothing to stop with.
        stop = decision.advice.stop and decision.best is not None
        if stop:
            tell("early_stop", epoch=epoch, reason=decision.advice.reason)
        reason = decision.advice.reason if stop else ""
        best_file = decision.best.file if decision.best else None
        return Judgement(stop, best_file, reason, self.patience if stop else None)

    def _decision(self, epoch: int) -> Decision:
        """Decide by the epochs up to one."""
        rows = [row for row in self._rows if row.epoch is not None and row.epoch <= epoch]
        return decide_by_rows(rows, by=self.sweep.by, patience=self.patience)

    def _sweep(self, epoch: int, step: int, checkpoint: Path, tell: Tell) -> None:
        """Draw what is missing and bring it back.

        Raises:
            BespokeError: the server did not do it, or drew with another file.
        """
        told = self._run(epoch, step, tell).outputs["verdict"]["bespoke_sweep"][0]
        folder = told["folder"]
        rows = parse_csv(fetch_table(self.client, told).decode("utf-8"), name=TABLE_FILE)
        new = [row for row in rows if row.checkpoint == checkpoint.stem]
        own = sha256_of_file(checkpoint)
        if not new or any(row.scores.get("checkpoint_sha256") != own for row in new):
            raise InputError(
                "was not drawn by the server, whose run folder holds another file or none",
                file=checkpoint,
                field="run_folder",
                value=self.sweep.run_folder,
                remedy="Name the run's folder in the plan as the server sees it.",
            )
        for row in rows:
            fetch_pictures(self.client, folder, row, self._folder, anew=False)
        write_csv(self._folder / TABLE_FILE, rows)
        self._rows = tuple(rows)
        self._tell_samples(epoch, step, new, tell)

    def _run(self, epoch: int, step: int, tell: Tell) -> History:
        """Queue the sweep and wait for it, or cancel it when the run is stopped."""
        drawn = 0

        def on_event(event: dict[str, Any]) -> None:
            nonlocal drawn
            if event.get("type") == "executed" and "bespoke_cell" in (event["data"].get("output") or {}):
                drawn += 1
                of = max(drawn, self._cells * (2 if not self._rows and self.sweep.with_base else 1))
                tell("sampling", epoch=epoch, step=step, done=drawn, of=of)

        job = self.client.queue(sweep_graph(self.sweep))
        while True:
            try:
                return self.client.wait(job, on_event, timeout=_ASK_S).raise_for_failure()
            except TimeoutError:
                if self._stop():
                    self.client.cancel(job)
                    raise UserCancelledError("stopped while the epoch was swept") from None

    @property
    def _cells(self) -> int:
        """Pictures of one epoch."""
        settings = self.sweep.sampler.grid()
        seeds = len(parse_seeds(self.sweep.seeds_text))
        return len(self.sweep.test_prompts) * seeds * len(settings.over(SamplerSettings()))

    def _tell_samples(self, epoch: int, step: int, new: Sequence[Row], tell: Tell) -> None:
        for note in problem_notes(new):
            tell("notice", text=f"Not measured: {note}.")
        drawn = [row for row in new if not problem_of(row)]
        paths = [f"{SAMPLES_FOLDER}/{row.scores['picture']}" for row in drawn]
        sprites = [f"{SAMPLES_FOLDER}/{row.scores['sprite']}" for row in drawn]
        numbers = [value for row in new if (value := row.number(self.sweep.by)) is not None]
        scores = {
            self.sweep.by: round(math.fsum(numbers) / len(numbers), 4) if numbers else None,
            "follows_prompts": following(new).follows,
        }
        tell("samples", epoch=epoch, step=step, paths=paths, sprites=sprites, scores=scores)

    def _write(self, decision: Decision) -> None:
        write_history(
            self._folder / SCORES_FILE,
            self._history,
            metric=self.sweep.by,
            best=decision.best.to_dict() if decision.best else None,
            stopped=decision.advice.reason if decision.advice.stop else None,
            advice=decision.advice.to_dict(),
            sweep=self.sweep.model_dump(mode="json"),
        )


def make_sweep_judge(path: Path, server: str, *, patience: int = PATIENCE) -> Callable[[TrainingPlan], Judge]:
    """Return what makes a run's judge, for `train_here`.

    Args:
        path: of the sweep's plan.
        server: address of ComfyUI.
        patience: see `evaluation.stopping.should_stop`; from 1.
    """

    def make(plan: TrainingPlan) -> Judge:
        if plan.config.early_stopping_patience:
            raise InputError(
                "would end the run as well as the sweep",
                field="early_stopping_patience",
                value=plan.config.early_stopping_patience,
                remedy="Remove it, and give --patience where the sweep should wait longer or shorter.",
            )
        client = Client(server)
        return SweepJudge(plan, plan_for_run(path, plan, client), client, patience)

    return make


def _not_judged(file: str, error: BespokeError) -> str:
    return (
        f"{PurePath(file).stem} was not judged: {error} The epoch is kept and training goes on; what is "
        "missing is drawn after the next epoch."
    )
