"""What a sweep's table shows of pictures that an earlier run has drawn."""

from __future__ import annotations

from typing import Any

from ..bespoke_core.evaluation.store import SweepFolder
from .host import roots

MOST_SHOWN = 300
"""As many lines as the table in the browser keeps."""


def told_there(sweep: SweepFolder) -> dict[str, Any]:
    """Return the latest of the pictures that are there already, as `SweepCell` tells of new ones."""
    texts = {prompt.name: prompt.text for prompt in sweep.plan.prompts}
    cells = []
    for row in sweep.rows()[-MOST_SHOWN:]:
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
