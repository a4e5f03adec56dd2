"""A sweep shared among several ComfyUI servers: a worker drives each, and results come together here.

Ray runs the workers, on this machine or on a cluster. The cells are dealt out in small parts, LoRA by LoRA; a
worker asks for the next part when it is done, and the part of a lost one is given to another. Every picture
carries the proof of what it is, so that what comes back is checked like anything from outside, and the folder
ends as one server would have left it. What was measured comes with the pictures, because the training set may
lie with the servers only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..errors import BespokeError, UnfinishedError
from ..evaluation.cells import Cells
from ..evaluation.checkpoints import Checkpoint
from ..evaluation.measuring import SCORING_VERSION, SpriteSettings
from ..evaluation.plan import plan_from_dict
from ..evaluation.plan_file import PlanFile
from ..evaluation.results import STORE_NAME, ResultsStore
from ..evaluation.store import SweepFolder
from ..files import clear_errors, write_bytes
from ..paths import safe_name
from .client import Client, ComfyError
from .sweep import plan_of, sweep_graph

PART = 8
"""Cells that a worker draws at a time: what is lost with it at most."""
_INSTALL = 'Several servers need the Python package ray. Install it with: pip install "ray>=2.40".'


@dataclass(frozen=True)
class Drawn:
    """What a server gives back of a part.

    Attributes:
        pictures: their file names to their bytes.
        scores: key of each cell to what was measured on it.
        floor: what the VAE makes of the training set; None where that was not measured.
        problems: keys of the cells that gave no picture, with the reason.
    """

    pictures: Mapping[str, bytes]
    scores: Mapping[str, Mapping[str, Any]]
    floor: Mapping[str, Any] | None
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Dealer:
    """Which cells are still to be drawn, and by whom.

    Attributes:
        waiting: parts that nobody draws at the moment.
        lost: servers that no longer answer, with the reason.
    """

    waiting: deque[Cells]
    lost: dict[str, str] = field(default_factory=dict)

    @classmethod
    def deal(cls, cells: Cells, size: int = PART) -> Dealer:
        """Divide cells, in their order, into parts that share one LoRA each."""
        begins: list[int] = []
        drawn_with: Checkpoint | None = None
        for place, cell in enumerate(cells):
            if not begins or place - begins[-1] >= size or drawn_with != cell.checkpoint:
                begins.append(place)
                drawn_with = cell.checkpoint
        return cls(deque(cells[begin:end] for begin, end in pairwise([*begins, len(cells)])))

    def lose(self, server: str, part: Cells, reason: str) -> None:
        """Give a lost server's part to the others."""
        self.lost[server] = reason
        self.waiting.appendleft(part)


def draw_part(plan: PlanFile, server: str, cells: Mapping[str, str]) -> Drawn:
    """Let one server draw some cells and return their pictures and scores.

    Args:
        plan: the whole sweep.
        server: its address.
        cells: key to the picture's file name, of those to draw.

    Raises:
        BespokeError: the server is gone, or a node failed.
    """
    client = Client(server)
    graph = sweep_graph(plan, only_cells=" ".join(cells), judged=False)
    outputs = client.wait(client.queue(graph)).raise_for_failure().outputs
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
    part: int = PART,
) -> SweepFolder:
    """Run a plan on several servers.

    Args:
        plan: what to draw; every server has the same models and LoRAs under the same names.
        servers: addresses.
        output: becomes the sweep's folder, with a store of its own.
        tell: called with (finished cells, all cells).
        part: cells that a worker draws at a time.

    Returns:
        The finished sweep, its table written.

    Raises:
        BespokeError: Ray is not installed, the servers do not have the same files, or a node failed.
        UnfinishedError: all of them are lost.
    """
    try:
        import ray
    except ImportError:
        raise BespokeError(_INSTALL) from None
    sweep = _same_plan(plan, servers, output)
    sweep.write_plan()
    dealer = Dealer.deal(_to_do(plan, sweep), part)
    started_here = not ray.is_initialized()
    if started_here:
        ray.init(include_dashboard=False, configure_logging=False, log_to_driver=False, num_cpus=len(servers))
    try:
        _draw_all(ray, plan, list(servers), sweep, dealer, tell)
    finally:
        if started_here:
            ray.shutdown()
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
) -> None:
    task = ray.remote(max_retries=0)(draw_part)
    idle = list(servers)
    running: dict[Any, tuple[str, Cells]] = {}
    total = sweep.plan.count
    finished = total - sum(map(len, dealer.waiting))
    while dealer.waiting or running:
        while idle and dealer.waiting:
            server, cells = idle.pop(), dealer.waiting.popleft()
            running[task.remote(plan, server, _names(cells))] = server, cells
        if not running:
            reasons = "; ".join(f"{server}: {reason}" for server, reason in dealer.lost.items())
            raise UnfinishedError(
                f"every server is lost ({reasons}). What is finished is kept; run the same command again."
            )
        [done], _ = ray.wait(list(running), num_returns=1)
        server, cells = running.pop(done)
        try:
            drawn = ray.get(done)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, ComfyError):  # the plan's own fault: another server would fail as well
                raise error.cause from None
            dealer.lose(server, cells, str(error.cause).split("\n")[0])
            continue
        except ray.exceptions.RayError as error:  # the worker died
            dealer.lose(server, cells, str(error).split("\n")[0])
            continue
        _take_in(sweep, drawn, cells, server)
        idle.append(server)
        finished += len(cells)
        if tell is not None:
            tell(finished, total)


def _same_plan(plan: PlanFile, servers: Sequence[str], output: Path) -> SweepFolder:
    """Return the sweep that all servers would draw; they must agree in every hash."""
    described = {server: plan_of(plan, Client(server)) for server in servers}
    plans = {server: plan_from_dict(told["plan"]) for server, told in described.items()}
    first, told = plans[servers[0]], described[servers[0]]
    for server, other in plans.items():
        wrong = ""
        if [cell.key for cell in other.cells] != [cell.key for cell in first.cells]:
            wrong = "another base model or other checkpoints"
        elif described[server]["training_set"] != told["training_set"]:
            wrong = "another training set"
        elif described[server]["scoring"] != SCORING_VERSION:
            raise BespokeError(f"{server} has another version of Bespoke, which scores in another way.")
        if wrong:
            raise BespokeError(
                f"{server} has {wrong} than {servers[0]}. Put the same files on every machine; no picture "
                "was drawn."
            )
    size = (plan.sprites.width, plan.sprites.height)
    reference = Path(told["sprites"]["reference"]) if told["training_set"] else None
    sprites = SpriteSettings(*size, plan.sprites.method, reference, told["training_set"])
    return SweepFolder(output, first, sprites, ResultsStore(output / STORE_NAME), told["base_files"])


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
