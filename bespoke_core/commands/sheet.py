"""The verb `sheet`: how to use a chosen LoRA, on one page."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .choose import loras_option

if TYPE_CHECKING:
    from ..evaluation.lora_facts import LoraFacts
    from ..evaluation.table import Row


def sheet_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `sheet`."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="a sweep's folder, with table.csv in it")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where to write; default: DIR/sheet")
    parser.add_argument("--by", default="unique_colors", metavar="COLUMN", help="the score that decides")
    parser.add_argument(
        "--checkpoint", default="", metavar="NAME", help="this one instead of the recommended one"
    )
    parser.add_argument(
        "--lora", type=Path, metavar="FILE", help="the LoRA's file where the sweep does not know it any more"
    )
    loras_option(parser)


def sheet(arguments: argparse.Namespace) -> int:
    """Write the inference sheet of a sweep's chosen checkpoint."""
    from ..evaluation.opening import read_settings
    from ..evaluation.sheet import make_sheet
    from ..evaluation.sheet_files import write_sheet
    from ..evaluation.table import read_csv
    from .evaluation import pictures_in

    rows = read_csv(arguments.folder / "table.csv")
    found = make_sheet(
        rows,
        read_settings(arguments.folder),
        by=arguments.by,
        checkpoint=arguments.checkpoint,
        facts=_facts(arguments, rows),
        file=arguments.lora.name if arguments.lora else "",
        pictures=pictures_in(arguments.folder, rows),
    )
    files = write_sheet(arguments.output or arguments.folder / "sheet", found)
    if arguments.json:
        print(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        print(f"{found.text()}\n\nSheet: {files['html']}")
    return 0


def _facts(arguments: argparse.Namespace, rows: list[Row]) -> Callable[[str], LoraFacts | None]:
    """Return what tells of a checkpoint's file: the named one, or the one that was drawn with."""
    from ..evaluation.lora_facts import facts_of, facts_of_measured
    from ..evaluation.measured_files import rows_and_checkpoints, with_file

    folder, lora, places = arguments.folder, arguments.lora, arguments.loras
    if lora is not None:
        hashes = {row.checkpoint: str(row.scores.get("checkpoint_sha256") or "") for row in rows}
        return lambda name: facts_of_measured(lora, hashes.get(name, ""))
    known = {one.name: one for one in rows_and_checkpoints(folder)[1]}
    if places:
        return lambda name: facts_of(with_file(known[name], places, folder=folder))
    return lambda name: facts_of(known[name])
