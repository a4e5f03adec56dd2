"""A sweep run on a ComfyUI server from outside: the plan becomes a graph, the results come back as files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import InputError, UserCancelledError
from ..evaluation.plan_file import PlanFile
from ..evaluation.prompts import prompt_lines
from ..evaluation.runs import run_lines
from ..evaluation.settings import SamplerSettings, grid_texts
from ..evaluation.table import Row, parse_csv
from ..files import clear_errors, write_bytes, write_json
from .client import Client
from .job import JobLostError, ServerGoneError

Graph = dict[str, dict[str, Any]]
_GO_ON = (
    "What is drawn is kept on the server. Run the same command again when the server answers: only what is "
    "missing is drawn."
)


def sweep_graph(plan: PlanFile, *, dry_run: bool = False, only_cells: str = "", judged: bool = True) -> Graph:
    """Return the API graph of a plan: loader, checkpoints, prompts, grid, sweep, verdict.

    Args:
        plan: what to draw.
        dry_run: only tell how many pictures that is and how long they will take.
        only_cells: beginnings of the keys of the cells to draw; empty draws all.
        judged: end with the verdict.
    """
    grid = plan.sampler.grid()
    first = grid.over(SamplerSettings())[0]
    graph: Graph = {
        "base": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": plan.base_checkpoint}},
        "checkpoints": _checkpoints(plan),
        "prompts": {
            "class_type": "Bespoke_TestPrompts",
            "inputs": {"prompts": prompt_lines(plan.test_prompts), "scenes": "none"},
        },
        "grid": {"class_type": "Bespoke_SweepGrid", "inputs": grid_texts(grid)},
        "sweep": {
            "class_type": "Bespoke_Sweep",
            "inputs": {
                "model": ["base", 0],
                "clip": ["base", 1],
                "vae": ["base", 2],
                "checkpoints": ["checkpoints", 0],
                "prompts": ["prompts", 0],
                "sweep_name": plan.name,
                "seeds": plan.seeds_text,
                **first.values,
                "sprite_width": plan.sprites.width,
                "sprite_height": plan.sprites.height,
                "method": plan.sprites.method,
                "with_base": plan.with_base,
                "training_set": plan.training_set,
                "grid": ["grid", 0],
                "with_vae_floor": plan.with_vae_floor,
                "dry_run": dry_run,
                "only_cells": only_cells,
            },
        },
    }
    if judged and not dry_run:
        inputs = {"sweep": ["sweep", 0], "by": plan.by}
        graph["verdict"] = {"class_type": "Bespoke_Verdict", "inputs": inputs}
    return graph


def _checkpoints(plan: PlanFile) -> dict[str, Any]:
    if plan.runs:
        return {"class_type": "Bespoke_FindRuns", "inputs": {"runs": run_lines(plan.labelled_runs)}}
    inputs = {"run_folder": plan.run_folder, "pattern": plan.pattern}
    return {"class_type": "Bespoke_FindCheckpoints", "inputs": inputs}


def plan_of(plan: PlanFile, client: Client) -> dict[str, Any]:
    """Return what a server says before it draws: pictures, missing ones, seconds or None, and the whole plan.

    Raises:
        BespokeError: the server refused the plan, a node failed, or the connection was lost.
    """
    history = client.run(sweep_graph(plan, dry_run=True))
    told: dict[str, Any] = history.outputs["sweep"]["bespoke_sweep_plan"][0]
    return {**told, "text": history.outputs["sweep"]["text"][0]}


def run_sweep(
    plan: PlanFile,
    client: Client,
    output: Path,
    *,
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Run a plan on a server and bring its table, pictures and verdict into a folder.

    Args:
        plan: what to run; its paths are the server's.
        client: of a server that has Bespoke installed.
        output: gets ``table.csv``, ``verdict.json``, ``settings.json``, and the pictures in ``cells`` and
            ``sprites``, as `report` reads them.
        on_event: called with each of the server's events.

    Returns:
        The verdict as JSON-able data.

    Raises:
        BespokeError: the server refused the plan, a node failed, or `output` cannot be written.
        JobLostError: the server ended or was started again, while it drew or while the pictures were
            brought; the same call goes on.
        UserCancelledError: Ctrl-C, which cancels the job on the server, too.
    """
    try:
        history = client.run(sweep_graph(plan), on_event)
    except JobLostError as error:
        raise JobLostError(f"{error} {_GO_ON}") from None
    except KeyboardInterrupt:
        raise UserCancelledError("what is drawn is kept on the server; the same command goes on") from None
    # Only the verdict is sure to be in the history: what ComfyUI takes from its cache leaves no other trace.
    told = history.outputs["verdict"]
    verdict: dict[str, Any] = told["bespoke_verdict"][0]
    try:
        with clear_errors(output, "all is kept on the server, and the same command brings it"):
            table = _fetch_all(client, told["bespoke_sweep"][0], output)
            write_bytes(output / "table.csv", table)
            write_json(output / "settings.json", plan.model_dump())
            write_json(output / "verdict.json", verdict)
    except ServerGoneError as error:
        raise JobLostError(f"{error} {_GO_ON}") from None
    return verdict


def _fetch_all(client: Client, told: Mapping[str, Any], output: Path) -> bytes:
    """Bring all pictures of a sweep into a folder and return its table."""
    table = fetch_table(client, told)
    for row in parse_csv(table.decode("utf-8"), name="table.csv"):
        fetch_pictures(client, told["folder"], row, output)
    return table


def fetch_table(client: Client, told: Mapping[str, Any]) -> bytes:
    """Return the table of just the plan that a verdict was about.

    Another plan of the same name may have replaced the folder's ``table.csv`` in the meantime.

    Args:
        client: of the server.
        told: of the sweep, as the Verdict node does.

    Raises:
        InputError: the place, which the server named, leads out of the folder, or there is no such file.
    """
    # A server with an earlier version tells of the folder's table only.
    return _fetched(client, told["folder"], str(told.get("plan_table") or told["table"]))


def fetch_pictures(client: Client, folder: str, row: Row, output: Path, *, anew: bool = True) -> None:
    """Bring a row's picture and sprite into the same places below another folder.

    Args:
        client: of the server.
        folder: of the sweep there.
        row: of its table; one without a picture brings nothing.
        output: the other folder.
        anew: also what is there already.

    Raises:
        InputError: a place, which the server named, leads out of the folder; there is no such file; or the
            picture is another one than the row measures.
    """
    for column in ("picture", "sprite"):
        place = row.scores.get(column)
        if place is None or (not anew and (output / str(place)).is_file()):
            continue
        data = _fetched(client, folder, str(place))
        measured = row.scores.get("picture_sha256")
        if column == "picture" and measured and hashlib.sha256(data).hexdigest() != measured:
            raise InputError(
                "is another picture by now than the one in the table",
                file=f"{folder}/{place}",
                remedy="Run the same command again: it is drawn and measured anew.",
            )
        write_bytes(output / str(place), data)


def _fetched(client: Client, folder: str, place: str) -> bytes:
    path = PurePosixPath(place)
    ours = path.parts[:1] in {("cells",), ("sprites",), ("plans",)} or place == "table.csv"
    if path.is_absolute() or not ours or ".." in path.parts or "\\" in place:
        raise InputError(
            "is no place in a sweep's folder", field="picture", value=place, remedy="Do not use this server."
        )
    return client.view(path.name, f"{folder}/{path.parent.as_posix()}" if path.parent.parts else folder)
