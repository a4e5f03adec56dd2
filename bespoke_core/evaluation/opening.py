"""A sweep's folder, or a folder of fetched results, opened again: by what plan it was made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import InputError
from .measuring import SpriteSettings
from .plan import plan_from_dict
from .results import ResultsStore
from .store import SweepFolder


def open_sweep(root: Path, key: str = "", store: ResultsStore | None = None) -> SweepFolder:
    """Return a sweep in a folder with the plan and the sprite settings that it was made with.

    Args:
        root: the sweep's folder.
        key: of the plan; empty takes the latest.
        store: see `SweepFolder`.

    Raises:
        InputError: the folder holds no such plan, or its file is not one of ours.
    """
    path = root / "plans" / f"{key}.json" if key.isalnum() else root / "plan.json"
    if not path.is_file():
        raise InputError(
            f"holds no sweep ({path.name} is absent)", file=root, remedy="Give a folder that a sweep wrote."
        )
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        sprites = dict(description["sprites"])
        if sprites["reference"] is not None:
            sprites["reference"] = Path(sprites["reference"])
        files = {str(name): str(sha256) for name, sha256 in dict(description.get("base_files") or {}).items()}
        plan = plan_from_dict(description["plan"])
        return SweepFolder(root, plan, SpriteSettings(**sprites), store, files)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"is not a sweep's plan ({error!r})", file=path, remedy="Start the sweep again."
        ) from None


def read_settings(root: Path) -> dict[str, Any]:
    """Return what a folder of results says of how it was made: a sweep's settings, or nothing."""
    if (root / "plan.json").is_file():
        return open_sweep(root).settings()
    path = root / "settings.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
