"""The verb `export`: the store of results as one table."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..amounts import counted


def export_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `export`."""
    parser.add_argument(
        "place",
        type=Path,
        metavar="PLACE",
        help="ComfyUI's output folder or results.sqlite: all sweeps; a sweep's folder: that one alone",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the table to write")
    parser.add_argument(
        "--format", choices=("csv", "json", "parquet"), help="default: by the ending of FILE, else csv"
    )
    parser.add_argument("--sweep", default="*", metavar="PATTERN", help="only sweeps of such names: my_*")


def export(arguments: argparse.Namespace) -> int:
    """Write every picture of a store, or of one sweep, with its settings, hashes and scores."""
    from ..evaluation.export import FORMATS, export_rows, find_store, write_export

    ending = arguments.output.suffix.lstrip(".").lower()
    form = arguments.format or (ending if ending in FORMATS else "csv")
    store, inside = find_store(arguments.place)
    rows = list(export_rows(store, sweep=arguments.sweep, inside=inside))
    write_export(arguments.output, rows, form)
    sweeps = len({row.scores["sweep"] for row in rows})
    if arguments.json:
        print(json.dumps({"file": str(arguments.output), "rows": len(rows), "sweeps": sweeps}))
    else:
        print(f"{counted(len(rows), 'picture')} of {counted(sweeps, 'sweep')}: {arguments.output}")
    return 0
