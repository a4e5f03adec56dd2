"""Whether several servers would draw the same sweep; where not, which file is another one, and on which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import BespokeError
from ..evaluation.cells import Cells
from ..evaluation.measuring import SCORING_VERSION, SpriteSettings
from ..evaluation.plan import plan_from_dict
from ..evaluation.plan_file import PlanFile
from ..evaluation.results import STORE_NAME, ResultsStore
from ..evaluation.store import SweepFolder
from .client import Client
from .job import ServerGoneError
from .sweep import plan_of

_NONE_DRAWN = "No picture was drawn."
_SAME_FILES = f"Put the same files under the same names on every machine. {_NONE_DRAWN}"


def same_plan(plan: PlanFile, servers: Sequence[str], output: Path) -> SweepFolder:
    """Return the sweep that all servers would draw, in a folder here.

    Args:
        plan: what to draw.
        servers: addresses.
        output: becomes the sweep's folder.

    Raises:
        BespokeError: a server does not answer, refuses the plan, or would draw or score in another way.
    """
    described = {server: _asked(plan, server) for server in servers}
    first, *others = servers
    told = described[first]
    agreed = plan_from_dict(told["plan"])
    for server in servers:
        if described[server]["scoring"] != SCORING_VERSION:
            raise BespokeError(
                f"{server} has another version of Bespoke than this one, which scores in another way. "
                f"Bring both to one version. {_NONE_DRAWN}"
            )
    for server in others:
        wrong = difference(agreed.cells, plan_from_dict(described[server]["plan"]).cells)
        if not wrong and described[server]["training_set"] != told["training_set"]:
            wrong = "its training set has other pictures"
        if wrong:
            raise BespokeError(f"{server} would not draw the same as {first}: {wrong}. {_SAME_FILES}")
    size = (plan.sprites.width, plan.sprites.height)
    reference = Path(told["sprites"]["reference"]) if told["training_set"] else None
    sprites = SpriteSettings(*size, plan.sprites.method, reference, told["training_set"])
    return SweepFolder(output, agreed, sprites, ResultsStore(output / STORE_NAME), told["base_files"])


def difference(one: Cells, other: Cells) -> str:
    """Return what a server has that would draw `other` in place of `one`, as a clause; empty for equal."""
    if [(cell.key, cell.file_stem) for cell in one] == [(cell.key, cell.file_stem) for cell in other]:
        return ""
    ours, theirs = _files(one), _files(other)
    if missing := [name for name in ours if name not in theirs]:
        return f"it lacks {_listed(missing)}"
    if more := [name for name in theirs if name not in ours]:
        return f"it has more checkpoints, {_listed(more)}"
    if differing := [name for name in ours if ours[name] != theirs[name]]:
        return f"its file of that name is another one, of {_listed(differing)}"
    if {cell.base for cell in one} != {cell.base for cell in other}:
        return "its base model of that name is another one"
    return "it has another version of Bespoke or ComfyUI"


def _files(cells: Cells) -> dict[str, str]:
    return {cell.checkpoint.name: cell.checkpoint.sha256 for cell in cells if cell.checkpoint is not None}


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _asked(plan: PlanFile, server: str) -> dict[str, Any]:
    try:
        return plan_of(plan, Client(server))
    except ServerGoneError as error:
        raise BespokeError(f"{error} Or leave it out: the others draw its share. {_NONE_DRAWN}") from error
    except BespokeError as error:
        raise BespokeError(f"{server} cannot draw this plan: {error} {_NONE_DRAWN}") from error
