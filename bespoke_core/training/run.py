"""Training in a process of its own: whether it is needed, and how it is started; `child` follows it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ..files import write_text
from .child import LOG_FILE, TrainingProcess
from .claim import claim, owner_of, pass_on, release
from .config import TrainingConfig, to_toml, with_absolute_paths
from .manifest import (
    TrainingResult,
    check_run_folder,
    finished_result,
    may_go_on,
    read_manifest,
    write_manifest,
)
from .plan import TrainingPlan, default_run_folder, make_plan
from .processes import identity
from .stopping import PARENT_VARIABLE
from .work import CONFIG_FILE, EVENTS_FILE

__all__ = [
    "TrainingProcess",
    "TrainingResult",
    "default_run_folder",
    "finished_run",
    "interrupted_run",
    "start_training",
    "trained_now",
]

_PACK = Path(__file__).resolve().parents[2]
# The library is found by this path alone. An embedded Python ignores PYTHONPATH and the working folder, and
# the run folder must never be searched: others may put files there through the server.
_START = (
    "import runpy, sys; sys.path[:] = [sys.argv.pop(1), *filter(None, sys.path)]; "
    "runpy.run_module('bespoke_core', run_name='__main__', alter_sys=True)"
)


def finished_run(config: TrainingConfig, run_folder: Path) -> TrainingResult | None:
    """Return the finished run in `run_folder` if training `config` now would give the same files.

    The base model's and the data set's bytes are compared, and that no checkpoint was damaged since.

    Raises:
        InputError: the configuration's input cannot be used.
    """
    if read_manifest(run_folder) is None:
        return None
    return finished_result(make_plan(with_absolute_paths(config), run_folder.absolute()))


def interrupted_run(config: TrainingConfig, run_folder: Path, patience: int | None = None) -> bool:
    """Return whether `run_folder` holds a run of this very `config`, data and base that has more to do.

    Args:
        config: what is trained.
        run_folder: of the run.
        patience: of the judge, see `Judge.patience`: a run that was stopped early may go on with more.

    False while another process is training there.

    Raises:
        InputError: the configuration's input cannot be used.
    """
    told = read_manifest(run_folder)
    finished = told is not None and told.get("status") == "finished"
    if told is None or (finished and not told.get("stopped_early")) or owner_of(run_folder):
        return False
    plan = make_plan(with_absolute_paths(config), run_folder.absolute())
    if told.get("fingerprint") != plan.fingerprint:
        return False
    return not finished or may_go_on(plan, told, patience)


def trained_now(config: TrainingConfig, run_folder: Path) -> bool:
    """Return whether a process is training this very `config`, data and base in `run_folder` right now.

    Raises:
        InputError: the configuration's input cannot be used.
    """
    told = read_manifest(run_folder)
    if told is None or not owner_of(run_folder):
        return False
    return told.get("fingerprint") == _fingerprint(config, run_folder)


def _fingerprint(config: TrainingConfig, run_folder: Path) -> str:
    return make_plan(with_absolute_paths(config), run_folder.absolute()).fingerprint


def start_training(
    config: TrainingConfig, *, run_folder: Path, python: str = sys.executable, resume: bool = True
) -> TrainingProcess:
    """Check everything, then start training in a child process.

    Args:
        config: what to train.
        run_folder: where the run's files go; made if absent.
        python: the interpreter of the child.
        resume: go on where an interrupted run of the same configuration, data and base stopped.

    Raises:
        InputError: something given cannot be used; nothing was started or written.
    """
    run_folder = run_folder.absolute()
    plan = make_plan(with_absolute_paths(config), run_folder)
    check_run_folder(plan)
    run_folder.mkdir(parents=True, exist_ok=True)
    claim(run_folder)  # until the child has it: nobody else may start here meanwhile
    try:
        check_run_folder(plan)
        told = read_manifest(run_folder) or {}
        resume = (resume and told.get("fingerprint") == plan.fingerprint) or plan.goes_on
        write_text(run_folder / CONFIG_FILE, to_toml(plan.config))
        write_manifest(plan, "starting", resumed=resume)
        events = run_folder / EVENTS_FILE
        keeps_log = resume and plan.own_state.is_file() and events.is_file()
        start = events.stat().st_size if keeps_log else 0
        if not keeps_log:  # an earlier run's events must not be read as this one's
            events.unlink(missing_ok=True)
        process = _spawn(python, plan, resume)
        pass_on(run_folder, identity(process.pid))
    except BaseException:
        release(run_folder)
        raise
    return TrainingProcess(process, plan, start)


def _spawn(python: str, plan: TrainingPlan, resume: bool) -> subprocess.Popen[bytes]:
    """Start the child, or the launcher of several."""
    folder = plan.run_folder
    command = [python, "-u", "-c", _START, str(_PACK), "train", str(folder / CONFIG_FILE)]
    command += ["--run-folder", str(folder), "--resume" if resume else "--anew"]
    if plan.processes > 1:
        command = [*_launcher(python, plan.processes), *command]
    with (folder / LOG_FILE).open("ab" if resume else "wb") as log:
        return subprocess.Popen(
            command,
            cwd=_PACK,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # A group of its own: a Ctrl-C meant for the server does not reach it, and all of it can be ended.
            start_new_session=os.name != "nt",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )


def _launcher(python: str, processes: int) -> list[str]:
    """Return accelerate's launcher, to be followed by the command that it starts `processes` times."""
    return [
        *(python, "-u", "-m", "accelerate.commands.launch"),
        *("--multi_gpu", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"),
        *("--num_processes", str(processes), "--main_process_port", "0", "--no_python"),
    ]


def _environment() -> dict[str, str]:
    """Return the child's environment: quiet threads, no model hub, our process told."""
    return {
        **os.environ,
        "PYTHONIOENCODING": "utf-8",
        # Threads that spin while they wait slow down everything else on a shared machine.
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
        "HF_HUB_OFFLINE": "1",
        PARENT_VARIABLE: identity(),
    }
