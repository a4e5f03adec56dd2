"""One run in this process: its folder, its event log, its manifest, and how it is stopped."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from ..errors import BespokeError, InputError, UserCancelledError
from ..events import EventLog
from ..files import write_text
from .config import TrainingConfig, read_toml, to_toml, with_absolute_paths
from .manifest import (
    TrainingResult,
    check_run_folder,
    expected,
    finished_result,
    read_manifest,
    remove_leavings,
    write_manifest,
)
from .plan import TrainingPlan, make_plan
from .state import STATE_FILE
from .tensorboard import tensorboard_writer

CONFIG_FILE = "config.toml"
EVENTS_FILE = "events.jsonl"
PARENT_VARIABLE = "BESPOKE_PARENT"
"""Set for a child process: the parent's "id:start time". When that process is gone, the child stops."""
_WATCH_SECONDS = 0.5

Listen = Callable[[dict[str, Any]], None]


class StopRequest:
    """Whether the run should stop, and why; set by a signal or by the loss of the parent."""

    def __init__(self) -> None:
        self.reason = ""

    def __call__(self) -> bool:
        """Return whether the run should stop."""
        return bool(self.reason)

    def ask(self, reason: str) -> None:
        """Ask the run to stop after the batch that is under way."""
        self.reason = self.reason or reason


def train_here(
    config: TrainingConfig, run_folder: Path, *, resume: bool = False, listen: Listen = lambda event: None
) -> TrainingResult:
    """Train in this process until the end, a signal, or an error.

    A run that is already finished in `run_folder`, with the same configuration, data set and base model, is
    not trained again.

    Args:
        config: what to train.
        run_folder: where the run's files go; made if absent.
        resume: go on from the folder's state; without one the run starts from its beginning.
        listen: told of every event that is written to events.jsonl.

    Raises:
        InputError: something given cannot be used; nothing was written.
        UserCancelledError: a signal stopped the run; state and files are whole.
        TrainingError: training cannot go on.
    """
    plan = make_plan(with_absolute_paths(config), run_folder.absolute())
    done = finished_result(plan)
    if done is not None:
        listen({"event": "reused", "path": str(done.run_folder)})
        return done
    check_run_folder(plan)
    resume = resume and (plan.run_folder / STATE_FILE).is_file()
    _open_folder(plan, resume)
    log = EventLog(plan.run_folder / EVENTS_FILE)
    tensorboard = tensorboard_writer(plan.config)

    def tell(event: str, **values: Any) -> None:
        log.write(event, **values)
        listen({"event": event, **values})
        tensorboard(event, values)

    try:
        return _run(plan, resume, tell)
    finally:
        log.close()


def resume_here(run_folder: Path, *, listen: Listen = lambda event: None) -> TrainingResult:
    """Go on with the run in a folder, from the configuration that lies in it.

    Raises:
        InputError: the folder holds no run; or as `train_here`.
    """
    if not (run_folder / CONFIG_FILE).is_file():
        raise InputError(
            "holds no training run",
            file=run_folder,
            remedy=f"Name a run's folder: one with {CONFIG_FILE} and {EVENTS_FILE}.",
        )
    return train_here(read_toml(run_folder / CONFIG_FILE), run_folder, resume=True, listen=listen)


def _open_folder(plan: TrainingPlan, resume: bool) -> None:
    """Make the run's folder ready; a run that starts anew leaves nothing of an unfinished one behind."""
    folder, state = plan.run_folder, plan.run_folder / STATE_FILE
    folder.mkdir(parents=True, exist_ok=True)
    remove_leavings([folder, state.parent])
    if not resume:
        state.unlink(missing_ok=True)
        (folder / EVENTS_FILE).unlink(missing_ok=True)
        for name in expected(plan):  # of the same run: `check_run_folder` refuses any other
            (folder / name).unlink(missing_ok=True)
    write_text(folder / CONFIG_FILE, to_toml(plan.config))
    write_manifest(plan, "running", resumed=resume)


def _run(plan: TrainingPlan, resume: bool, tell: Callable[..., None]) -> TrainingResult:
    from .loop import train

    stop = StopRequest()
    try:
        with _signals(stop), _parent_watched(stop):
            tell(
                "start",
                epochs=plan.epochs,
                steps=plan.steps,
                pictures=len(plan.training_set.pictures),
                output_name=plan.config.output_name,
                resumed=resume,
                pid=os.getpid(),
            )
            for notice in plan.notices:
                tell("notice", text=notice)
            train(plan, resume=resume, tell=tell, stop=stop)
    except BaseException as error:
        _write_end(plan, tell, error, stop.reason)
        raise
    write_manifest(plan, "finished")
    tell("finished", epochs=plan.epochs, steps=plan.steps, paths=list(expected(plan)))
    return TrainingResult(plan.run_folder, tuple(plan.run_folder / name for name in expected(plan)))


def _write_end(plan: TrainingPlan, tell: Callable[..., None], error: BaseException, stopped_by: str) -> None:
    """Write down how and why the run ended early."""
    cancelled = isinstance(error, (UserCancelledError, KeyboardInterrupt))
    reason = str(error) if isinstance(error, BespokeError) else f"{type(error).__name__}: {error}"
    if cancelled and stopped_by:
        reason = stopped_by
    status = "cancelled" if cancelled else "failed"
    write_manifest(plan, status, reason=reason)
    made = (read_manifest(plan.run_folder) or {}).get("checkpoints", [])
    tell(status, reason=reason, checkpoints=[entry["file"] for entry in made])


@contextmanager
def _signals(stop: StopRequest) -> Iterator[None]:
    """Let the stopping signals ask instead of kill; outside the main thread none can be caught."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if stop():  # asked a second time: at once, without saving
            raise KeyboardInterrupt
        stop.ask(signal.Signals(number).name)

    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    former = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def _parent_watched(stop: StopRequest) -> Iterator[None]:
    """Ask the run to stop when the process that started it is gone."""
    told = os.environ.get(PARENT_VARIABLE, "")
    if not told:
        yield
        return
    number, _, started = told.partition(":")
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_WATCH_SECONDS):
            if not _is_there(int(number), float(started)):
                stop.ask("the process that started the run is gone")
                return

    thread = threading.Thread(target=watch, name="parent watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _is_there(number: int, started: float) -> bool:
    try:
        process = psutil.Process(number)
        return abs(process.create_time() - started) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
