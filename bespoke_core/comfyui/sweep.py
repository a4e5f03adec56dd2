"""A sweep run on a ComfyUI server from outside: the plan becomes a graph, the results come back as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import InputError
from ..evaluation.plan_file import PlanFile
from ..evaluation.prompts import prompt_lines
from ..evaluation.runs import run_lines
from ..evaluation.settings import SamplerSettings, grid_texts
from ..evaluation.table import parse_csv
from ..files import write_bytes, write_json
from .client import Client

Graph = dict[str, dict[str, Any]]


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
    history = client.wait(client.queue(sweep_graph(plan, dry_run=True))).raise_for_failure()
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
        BespokeError: the server refused the plan, a node failed, or the connection was lost.
    """
    history = client.wait(client.queue(sweep_graph(plan)), on_event=on_event).raise_for_failure()
    # Only the verdict is sure to be in the history: what ComfyUI takes from its cache leaves no other trace.
    told = history.outputs["verdict"]
    verdict: dict[str, Any] = told["bespoke_verdict"][0]
    folder = told["bespoke_sweep"][0]["folder"]
    table = client.view(told["bespoke_sweep"][0]["table"], folder)
    for row in parse_csv(table.decode("utf-8"), name="table.csv"):
        for column in ("picture", "sprite"):
            fetch_file(client, folder, str(row.scores[column]), output)
    write_bytes(output / "table.csv", table)
    write_json(output / "settings.json", plan.model_dump())
    write_json(output / "verdict.json", verdict)
    return verdict


def fetch_file(client: Client, folder: str, place: str, output: Path) -> None:
    """Bring one file of a sweep's folder into the same place below another folder.

    Raises:
        InputError: the place, which the server named, leads out of the folder, or there is no such file.
    """
    path = PurePosixPath(place)
    if path.is_absolute() or path.parts[:1] not in {("cells",), ("sprites",)} or ".." in path.parts:
        raise InputError(
            "is no place in a sweep's folder", field="picture", value=place, remedy="Do not use this server."
        )
    write_bytes(output / path, client.view(path.name, f"{folder}/{path.parent.as_posix()}"))
