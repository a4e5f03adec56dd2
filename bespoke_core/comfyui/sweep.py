"""A sweep run on a ComfyUI server from outside: the plan becomes a graph, the results come back as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..evaluation.plan_file import PlanFile
from ..evaluation.prompts import prompt_lines
from ..evaluation.table import parse_csv
from ..files import write_bytes, write_json
from .client import Client

Graph = dict[str, dict[str, Any]]


def sweep_graph(plan: PlanFile) -> Graph:
    """Return the API graph of a plan: loader, checkpoints, prompts, sweep, verdict."""
    prompts = prompt_lines(plan.test_prompts)
    return {
        "base": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": plan.base_checkpoint}},
        "checkpoints": {
            "class_type": "Bespoke_FindCheckpoints",
            "inputs": {"run_folder": plan.run_folder, "pattern": plan.pattern},
        },
        "prompts": {"class_type": "Bespoke_TestPrompts", "inputs": {"prompts": prompts, "scenes": "none"}},
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
                **plan.sampler.model_dump(),
                "sprite_width": plan.sprites.width,
                "sprite_height": plan.sprites.height,
                "method": plan.sprites.method,
                "with_base": plan.with_base,
                "training_set": plan.training_set,
            },
        },
        "verdict": {"class_type": "Bespoke_Verdict", "inputs": {"sweep": ["sweep", 0], "by": plan.by}},
    }


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
        # The table comes from the server: only the file's name is taken from it, never a folder.
        name = Path(str(row.scores["picture"])).name
        for part in ("cells", "sprites"):
            write_bytes(output / part / name, client.view(name, f"{folder}/{part}"))
    write_bytes(output / "table.csv", table)
    write_json(output / "settings.json", plan.model_dump())
    write_json(output / "verdict.json", verdict)
    return verdict
