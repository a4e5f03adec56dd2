"""One run in this process: its folder, its event log, its manifest, and how it is stopped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..amounts import counted
from ..errors import InputError
from ..events import EventLog
from ..files import write_text
from .claim import claim, held
from .config import TrainingConfig, read_toml, to_toml, with_absolute_paths
from .errors import TrainingError, writing
from .judge import SAMPLES_FOLDER
from .kohya_file import is_whole
from .manifest import (
    TrainingResult,
    check_run_folder,
    expected,
    finished_result,
    remove_leavings,
    write_manifest,
)
from .path_keys import file_named
from .plan import TrainingPlan, make_plan
from .stopping import StopRequest, heeding
from .telling import Listen, teller, write_end
from .trackers import TRACKED_FILE

if TYPE_CHECKING:
    from .judge import Judge
    from .parallel import Ranks

CONFIG_FILE = "config.toml"
EVENTS_FILE = "events.jsonl"

MakeJudge = Callable[[TrainingPlan], "Judge | None"]


def train_here(
    config: TrainingConfig,
    run_folder: Path,
    *,
    resume: bool = False,
    listen: Listen = lambda event: None,
    make_judge: MakeJudge = lambda plan: None,
) -> TrainingResult:
    """Train in this process until the end, a signal, or an error.

    A run that is already finished in `run_folder`, with the same configuration, data set and base model, is
    not trained again. Under `accelerate launch` every process calls this; the first one writes the files.

    Args:
        config: what to train.
        run_folder: where the run's files go; made if absent.
        resume: go on from the folder's state; without one the run starts from its beginning.
        listen: told of every event that is written to events.jsonl.
        make_judge: makes what judges the epochs, or None for nothing.

    Raises:
        InputError: something given cannot be used; nothing was written.
        UserCancelledError: a signal stopped the run; state and files are whole.
        TrainingError: training cannot go on.
    """
    plan = make_plan(with_absolute_paths(config), run_folder.absolute())
    judge = make_judge(plan)
    stop = StopRequest()
    with ExitStack() as stack:
        stack.enter_context(heeding(stop))
        ranks = _join(plan)
        stack.callback(ranks.close)
        ranks.agree("The configuration, the data set or the base model", plan.fingerprint)
        if not ranks.first:
            return _follow(plan, ranks, stop, judge)
        done = ranks.from_first(lambda: _finished(plan, judge))
        if done:
            listen({"event": "reused", "path": str(plan.run_folder)})
            return _result(plan, done)
        resume = ranks.from_first(lambda: _open_folder(plan, resume or plan.goes_on))
        stack.enter_context(held(plan.run_folder))
        log = stack.enter_context(EventLog(plan.run_folder / EVENTS_FILE))
        return _run(plan, resume, teller(plan, log, listen), stop, judge, ranks)


def _join(plan: TrainingPlan) -> Ranks:
    """Join the run's other processes."""
    from .parallel import join_ranks

    variables = os.environ
    if "WORLD_SIZE" not in variables and {"ACCELERATE_USE_CPU", "MASTER_PORT"} <= variables.keys():
        raise InputError(
            "accelerate was asked for several processes and has started one: with --cpu it starts no more",
            field="--num_processes",
            remedy="Put --multi_gpu in place of --cpu: without GPUs it starts that many processes on the "
            "CPU, too. Or start the run without accelerate.",
        )
    ranks = join_ranks()
    if ranks.count != plan.processes:
        raise InputError(
            f"asks for {counted(plan.processes, 'process', 'processes')} and this one is alone",
            field="num_processes",
            value=plan.config.num_processes,
            remedy=f"Start it with accelerate launch --num_processes {plan.processes} "
            "-m bespoke_core train ..., or through the node, which does that.",
        )
    return ranks


def _finished(plan: TrainingPlan, judge: Judge | None) -> list[str]:
    """Return the names of the files of a run that was finished before; none where it was not."""
    done = finished_result(plan, judge.patience if judge is not None else None)
    return [] if done is None else [path.name for path in done.checkpoints]


def _result(plan: TrainingPlan, names: list[str]) -> TrainingResult:
    return TrainingResult(plan.run_folder, tuple(plan.run_folder / name for name in names))


def _follow(plan: TrainingPlan, ranks: Ranks, stop: StopRequest, judge: Judge | None) -> TrainingResult:
    """Train beside the run's first process, without writing anything."""
    from .loop import train

    done: list[str] = ranks.from_first(list)
    if done:
        return _result(plan, done)
    resume = ranks.from_first(lambda: False)
    early = train(plan, resume=resume, tell=lambda event, **values: None, stop=stop, judge=judge, ranks=ranks)
    return _result(plan, list(expected(plan, asdict(early) if early else None)))


def resume_here(
    run_folder: Path,
    *,
    listen: Listen = lambda event: None,
    make_judge: MakeJudge = lambda plan: None,
) -> TrainingResult:
    """Go on with the run in a folder, from the configuration that lies in it.

    Args:
        run_folder: of the run.
        listen, make_judge: as in `train_here`.

    Raises:
        InputError: the folder holds no run; or as `train_here`.
    """
    config = run_folder / CONFIG_FILE
    if not config.is_file():
        raise InputError(
            "holds no training run",
            file=run_folder,
            remedy=f"Name a run's folder: one with {CONFIG_FILE} and {EVENTS_FILE}.",
        )
    with file_named(config):
        return train_here(read_toml(config), run_folder, resume=True, listen=listen, make_judge=make_judge)


def _open_folder(plan: TrainingPlan, resume: bool) -> bool:
    """Make the run's folder ready, this process its owner; return whether the run goes on from its state.

    A run that starts anew leaves nothing of an unfinished one behind.
    """
    check_run_folder(plan)
    folder, state = plan.run_folder, plan.own_state
    resume = resume and state.is_file()
    folder.mkdir(parents=True, exist_ok=True)
    claim(folder)
    check_run_folder(plan)  # once more: nobody else can change it now
    remove_leavings([folder, state.parent])
    if not resume:
        state.unlink(missing_ok=True)
        for name in (EVENTS_FILE, TRACKED_FILE):
            (folder / name).unlink(missing_ok=True)
        if (folder / SAMPLES_FOLDER).is_dir():
            shutil.rmtree(folder / SAMPLES_FOLDER)
        for name in expected(plan):  # of the same run: `check_run_folder` refuses any other
            (folder / name).unlink(missing_ok=True)
    write_text(folder / CONFIG_FILE, to_toml(plan.config))
    write_manifest(plan, "running", resumed=resume)
    return resume


def _run(
    plan: TrainingPlan,
    resume: bool,
    tell: Callable[..., None],
    stop: StopRequest,
    judge: Judge | None,
    ranks: Ranks,
) -> TrainingResult:
    from .loop import train

    try:
        tell(
            "start",
            epochs=plan.epochs,
            steps=plan.steps,
            pictures=len(plan.training_set.pictures),
            output_name=plan.config.output_name,
            resumed=resume,
            pid=os.getpid(),
            processes=plan.processes,
        )
        for notice in (*plan.notices, *(judge.notices if judge is not None else ())):
            tell("notice", text=notice)
        early = train(plan, resume=resume, tell=tell, stop=stop, judge=judge, ranks=ranks)
        stopped = asdict(early) if early else None
        names = list(expected(plan, stopped))
        missing = [name for name in names if not is_whole(plan.run_folder / name)]
        if missing:
            raise TrainingError(f"{', '.join(missing)} was taken away while the run went on. Start it anew.")
        with writing("The run's manifest", plan.own_state):
            write_manifest(plan, "finished", stopped_early=stopped)
    except BaseException as error:
        write_end(plan, tell, error, stop.reason)
        raise
    tell("finished", epochs=plan.epochs, steps=plan.steps, paths=names)
    return _result(plan, names)
