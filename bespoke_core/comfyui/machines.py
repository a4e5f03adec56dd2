"""A sweep shared among several ComfyUI servers: a worker drives each, and results come together here.

Ray runs the workers, on this machine or on a cluster. The cells are dealt out in small parts, LoRA by LoRA; a
worker asks for the next part when it is done, and the part of a lost one is given to another. Every picture
carries the proof of what it is, so that what comes back is checked like anything from outside, and the folder
ends as one server would have left it. What was measured comes with the pictures, because the training set may
lie with the servers only.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..amounts import counted
from ..errors import BespokeError, UnfinishedError, UserCancelledError
from ..evaluation.cells import Cells
from ..evaluation.plan_file import PlanFile
from ..evaluation.store import SweepFolder
from ..files import clear_errors, write_bytes
from ..paths import safe_name
from ..training.stopping import StopRequest, heeding
from .client import Client
from .job import ComfyError, ServerGoneError
from .parts import PART, Dealer, Drawn, Failed, Running
from .same_plan import same_plan
from .sweep import sweep_graph
from .workers import check_installed, ray_of

_LISTEN_S = 0.5  # seconds between two looks whether the user has stopped the sweep


def draw_part(plan: PlanFile, server: str, cells: Mapping[str, str], job: str) -> Drawn | Failed:
    """Let one server draw some cells and return their pictures and scores; a worker's whole task.

    What goes wrong is returned and not raised: not every error can be sent from process to process.

    Args:
        plan: the whole sweep.
        server: its address.
        cells: key to the picture's file name, of those to draw.
        job: id for the job there, so that it can be cancelled from outside.
    """
    try:
        return _drawn(plan, Client(server), cells, job)
    except ComfyError as error:
        return Failed(_line(error), at_node=True)
    except ServerGoneError:
        return Failed("it does not answer, or was started again.")
    except BespokeError as error:
        return Failed(_line(error))


def _drawn(plan: PlanFile, client: Client, cells: Mapping[str, str], job: str) -> Drawn:
    graph = sweep_graph(plan, only_cells=" ".join(cells), judged=False)
    outputs = client.wait(client.queue(graph, job=job)).raise_for_failure().outputs
    [measured] = [one for output in outputs.values() for one in output.get("bespoke_measured", ())]
    folder = f"bespoke/sweeps/{safe_name(plan.name)}/cells"
    told = measured.get("problems") or {}
    problems = {key: str(told[key]) for key in cells if key in told}
    pictures = {name: client.view(name, folder) for key, name in cells.items() if key not in problems}
    return Drawn(pictures, measured["scores"], measured["floor"], problems)


def run_on_machines(
    plan: PlanFile,
    servers: Sequence[str],
    output: Path,
    *,
    tell: Callable[[int, int], None] | None = None,
    notice: Callable[[str], None] | None = None,
    part: int = PART,
) -> SweepFolder:
    """Run a plan on several servers.

    Args:
        plan: what to draw; every server has the same models and LoRAs under the same names.
        servers: addresses.
        output: becomes the sweep's folder, with a store of its own.
        tell: called with (finished cells, all cells).
        notice: called with a sentence when a server is lost.
        part: cells that a worker draws at a time.

    Returns:
        The finished sweep, its table written.

    Raises:
        BespokeError: Ray is not installed, the servers do not have the same files, or a node failed.
        UnfinishedError: all of them are lost.
        UserCancelledError: Ctrl-C or a termination signal; the servers' jobs are cancelled.
    """
    check_installed()
    sweep = same_plan(plan, servers, output)
    sweep.write_plan()
    dealer = Dealer.deal(_to_do(plan, sweep), part)
    if dealer.waiting:
        with ray_of(len(servers)) as ray:
            _draw_all(ray, plan, list(servers), sweep, dealer, tell, notice)
    sweep.write_table(sweep.rows())
    return sweep


def _to_do(plan: PlanFile, sweep: SweepFolder) -> Cells:
    """Return the cells of which a picture or a score is missing here."""
    if not sweep.sprites.elsewhere:
        sweep.score_missing()
    cells = sweep.unmeasured()
    wants_floor = plan.with_vae_floor and bool(plan.training_set) and sweep.floor() is None
    return sweep.plan.cells[:1] if wants_floor and not cells else cells


def _draw_all(
    ray: Any,
    plan: PlanFile,
    servers: list[str],
    sweep: SweepFolder,
    dealer: Dealer,
    tell: Callable[[int, int], None] | None,
    notice: Callable[[str], None] | None,
) -> None:
    # It waits for a server and counts nothing itself, so that no worker waits for a free core.
    task = ray.remote(max_retries=0, num_cpus=0)(draw_part)
    idle = list(servers)
    running: dict[Any, Running] = {}
    total = sweep.plan.count
    finished = total - sum(map(len, dealer.waiting))
    stop = StopRequest()
    try:
        # A part that has come is taken in whole before Ctrl-C counts; it would be drawn for nothing else.
        with heeding(stop):
            while dealer.waiting or running:
                while idle and dealer.waiting:
                    one = Running(idle.pop(0), dealer.waiting.popleft(), str(uuid.uuid4()))
                    running[task.remote(plan, one.server, _names(one.cells), one.job)] = one
                if not running:
                    raise UnfinishedError(_all_lost(dealer, finished, total))
                ready, _ = ray.wait(list(running), num_returns=1, timeout=_LISTEN_S)
                if stop():
                    kept = _kept(finished, total)
                    raise UserCancelledError(f"{kept} Give the same command again to go on.")
                for done in ready:
                    drawn, one = _result(ray, done), running.pop(done)
                    if isinstance(drawn, Failed):
                        dealer.lose(one.server, one.cells, drawn)
                        if notice is not None and (idle or running):
                            notice(f"{one.server} is lost: {drawn.reason} The others draw its part.")
                        continue
                    _take_in(sweep, drawn, one.cells, one.server)
                    idle.append(one.server)
                    finished += len(one.cells)
                    if tell is not None:
                        tell(finished, total)
    except BaseException:  # no server may go on drawing for nobody
        _call_off(ray, running)
        raise


def _result(ray: Any, done: Any) -> Drawn | Failed:
    """Return what a worker gave back; a worker that died counts as its server's loss."""
    try:
        return ray.get(done)
    except ray.exceptions.RayError as error:
        return Failed(_line(error))


def _call_off(ray: Any, running: Mapping[Any, Running]) -> None:
    """End the workers and cancel their jobs; what is drawn so far stays with the servers."""
    for task in running:
        ray.cancel(task, force=True)
    for one in running.values():
        with contextlib.suppress(BespokeError):  # it may be gone, and the reason for stopping is what counts
            Client(one.server).cancel(one.job)


def _all_lost(dealer: Dealer, finished: int, total: int) -> str:
    reasons = " ".join(f"{server}: {reason}" for server, reason in dealer.lost.items())
    return (
        f"every server is lost. {reasons} {_kept(finished, total)} Start the servers and give the same "
        "command again: only what is missing is drawn."
    )


def _kept(finished: int, total: int) -> str:
    return f"{finished} of {counted(total, 'picture')} are here, and stay."


def _line(error: Exception) -> str:
    """Return an error's first line as a sentence."""
    return str(error).strip().split("\n")[0].rstrip(".") + "."


def _names(cells: Cells) -> dict[str, str]:
    return {cell.key: f"{cell.file_stem}.png" for cell in cells}


def _take_in(sweep: SweepFolder, drawn: Drawn, cells: Cells, server: str) -> None:
    sweep.store.put_problems(sweep.folder, drawn.problems)
    cells = cells.some(place for place, cell in enumerate(cells) if cell.key not in drawn.problems)
    for name in _names(cells).values():
        with clear_errors(sweep.root, "what is finished is kept"):
            write_bytes(sweep.root / "cells" / name, drawn.pictures[name])
    proved = {cell.key for cell, _ in sweep.finished(cells)}  # takes up what is what it should be
    for cell in cells:
        if cell.key not in proved:
            raise BespokeError(f"{server} gave another picture than {cell.file_stem}. Look at its log.")
        sweep.keep_scores(cell, drawn.scores[cell.key])
    if drawn.floor is not None:
        sweep.store.put_floor(sweep.floor_key, drawn.floor)
