"""What a sweep tells of itself: pictures that were drawn before, and what another machine must know."""

from __future__ import annotations

from typing import Any

from ..bespoke_core.evaluation.measuring import SCORING_VERSION, contents_key
from ..bespoke_core.evaluation.store import SweepFolder
from .host import roots
from .sweep_parts import chosen_cells

MOST_SHOWN = 300
"""As many lines as the table in the browser keeps."""


def told_there(sweep: SweepFolder) -> dict[str, Any]:
    """Return the latest of the pictures that are there already, as `SweepCell` tells of new ones."""
    texts = {prompt.name: prompt.text for prompt in sweep.plan.prompts}
    cells = []
    drawn = [row for row in sweep.rows() if row.scores["picture"] is not None]
    for row in drawn[-MOST_SHOWN:]:
        settings = {name: row.scores[name] for name in sweep.plan.varied if name in row.scores}
        named = {"checkpoint": row.checkpoint, "prompt_name": row.prompt, "seed": row.seed}
        scores = {name: row.scores.get(name) for name in ("unique_colors", "background_match")}
        cells.append(
            {
                "folder": roots().relative(sweep.root),
                "picture": str(row.scores["picture"]).rpartition("/")[2],
                "settings": {**settings, **named, "prompt": texts[row.prompt]},
                "scores": scores,
            }
        )
    return {"bespoke_cells_there": cells}


def told_place(sweep: SweepFolder) -> dict[str, str]:
    """Return where a sweep's results lie: its folder, the folder's latest table, and its own plan's table."""
    return {"folder": roots().relative(sweep.root), "table": "table.csv", "plan_table": sweep.own_table}


def told_for_sharing(sweep: SweepFolder) -> dict[str, Any]:
    """Return what shows whether servers that share a sweep have the same files, beside the plan's hashes."""
    reference = sweep.sprites.reference
    training_set = contents_key(reference) if reference else ""
    return {"base_files": sweep.base_files, "training_set": training_set, "scoring": SCORING_VERSION}


def told_measured(sweep: SweepFolder, only_cells: str) -> dict[str, Any]:
    """Return what was measured on the chosen cells, by key, why others have no picture, and the VAE's floor.

    Another machine that gathers the pictures may not have the training set to measure them against.
    """
    cells = [cell.key for cell in chosen_cells(sweep.plan.cells, only_cells)]
    scores = sweep.store.scores(sweep.folder, sweep.sprites.key, cells)
    every = sweep.problems()
    problems = {key: every[key] for key in cells if key in every}
    return {"scores": scores, "problems": problems, "floor": sweep.floor()}
