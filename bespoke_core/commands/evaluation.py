"""The verbs of evaluation: `sweep`, `verdict`, `report`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..amounts import counted

if TYPE_CHECKING:
    from ..evaluation.contact_sheet import ReportPicture
    from ..evaluation.plan_file import PlanFile
    from ..evaluation.table import Row
    from ..evaluation.verdict import Verdict

EXIT_NO_WINNER = 1


def sweep_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `sweep`."""
    parser.add_argument("plan", type=Path, metavar="PLAN.toml", help="what to draw; paths are the server's")
    parser.add_argument(
        "--server",
        action="append",
        metavar="URL",
        help="of ComfyUI, by default http://127.0.0.1:8188; given several times, the servers share the sweep",
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="gets table and pictures")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only tell how many pictures that is, and how long they take",
    )


def sweep(arguments: argparse.Namespace) -> int:
    """Run a plan on a server, bring the results back, and print the verdict."""
    from ..comfyui.client import Client
    from ..comfyui.sweep import plan_of, run_sweep
    from ..errors import InputError
    from ..evaluation.plan_file import read_plan_file
    from ..evaluation.table import read_csv
    from ..evaluation.verdict import decide

    plan = read_plan_file(arguments.plan)
    servers = list(dict.fromkeys(arguments.server or ["http://127.0.0.1:8188"]))
    if arguments.dry_run:
        told = plan_of(plan, Client(servers[0]))
        print(json.dumps(told, ensure_ascii=False) if arguments.json else told["text"])
        return 0
    if arguments.output is None:
        raise InputError("is missing", field="--output", remedy="Name the folder that gets the results.")
    if len(servers) > 1:
        return _sweep_on_machines(plan, servers, arguments)
    finished = 0

    def count(event: dict[str, Any]) -> None:
        nonlocal finished
        output = event["data"].get("output") if event.get("type") == "executed" else None
        for cell in (output or {}).get("bespoke_cell", ()):
            finished += not cell.get("problem")
            print(f"\r{counted(finished, 'picture')} drawn", end="", file=sys.stderr, flush=True)

    try:
        found = run_sweep(plan, Client(servers[0]), arguments.output, on_event=count)
    finally:
        if finished:
            print(file=sys.stderr)
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print(decide(read_csv(arguments.output / "table.csv"), by=plan.by).text())
        print(f"\nTable and pictures: {arguments.output}")
    return 0


def _sweep_on_machines(plan: PlanFile, servers: list[str], arguments: argparse.Namespace) -> int:
    """Share a plan among servers, and print the verdict."""
    from ..comfyui.machines import run_on_machines
    from ..evaluation.verdict import decide

    begun = False

    def show(done: int, total: int) -> None:
        nonlocal begun
        begun = True
        print(f"\r{done} of {counted(total, 'picture')}", end="", file=sys.stderr, flush=True)

    def say(sentence: str) -> None:
        print(f"\n{sentence}" if begun else sentence, file=sys.stderr, flush=True)

    try:
        swept = run_on_machines(plan, servers, arguments.output, tell=show, notice=say)
    finally:
        if begun:
            print(file=sys.stderr)
    found = decide(swept.rows(), by=plan.by)
    print(json.dumps(found.to_dict(), ensure_ascii=False) if arguments.json else found.text())
    return 0


def _judging_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", default="unique_colors", metavar="COLUMN", help="the score that ranks")
    parser.add_argument(
        "--over",
        default="checkpoint",
        metavar="COLUMN",
        help="what to choose among: checkpoints, or the values of a setting such as cfg or run",
    )
    parser.add_argument(
        "--baseline", type=Path, metavar="PLACE", help="compare with an earlier sweep: its table or folder"
    )


def verdict_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `verdict`."""
    parser.add_argument(
        "table", type=Path, metavar="TABLE.csv", help="one row a picture; or a sweep's folder"
    )
    _judging_options(parser)
    parser.add_argument(
        "--demand-winner", action="store_true", help="end with exit code 1 unless one is clearly best"
    )


def verdict(arguments: argparse.Namespace) -> int:
    """Say which checkpoint to use, and how sure that is."""
    found = _judge(arguments.table, arguments)
    print(json.dumps(found.to_dict(), ensure_ascii=False) if arguments.json else found.text())
    return EXIT_NO_WINNER if arguments.demand_winner and not found.clear else 0


def _table_in(place: Path) -> Path:
    return place / "table.csv" if place.is_dir() else place


def _judge(place: Path, arguments: argparse.Namespace) -> Verdict:
    """Return the verdict on a table or a sweep's folder, as the options ask for it."""
    from ..evaluation.opening import read_settings
    from ..evaluation.table import read_csv
    from ..evaluation.verdict import decide

    earlier = arguments.baseline
    conditions = tuple(
        read_settings(one) if one is not None and one.is_dir() else {} for one in (place, earlier)
    )
    return decide(
        read_csv(_table_in(place)),
        by=arguments.by,
        over=arguments.over,
        baseline=read_csv(_table_in(earlier)) if earlier is not None else None,
        conditions=(conditions[0], conditions[1]),
    )


def report_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `report`."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="a sweep's folder, with table.csv in it")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where to write; default: DIR/report")
    _judging_options(parser)


def report(arguments: argparse.Namespace) -> int:
    """Write the report of a sweep."""
    from ..evaluation.opening import read_settings
    from ..evaluation.report import write_report
    from ..evaluation.table import read_csv

    rows = read_csv(arguments.folder / "table.csv")
    found = _judge(arguments.folder, arguments)
    files = write_report(
        arguments.output or arguments.folder / "report",
        rows,
        found,
        pictures=pictures_in(arguments.folder, rows),
        settings=read_settings(arguments.folder),
    )
    if arguments.json:
        print(json.dumps({kind: str(path) for kind, path in files.items()}, ensure_ascii=False))
    else:
        print(f"{found.text()}\n\nReport: {files['html']}")
    return 0


def pictures_in(folder: Path, rows: list[Row]) -> list[ReportPicture]:
    """Return the pictures of a sweep's folder that its table names and that are there."""
    from ..evaluation.contact_sheet import ReportPicture
    from ..paths import contained

    pictures = []
    for row in rows:
        name = row.scores.get("picture")
        path = folder / str(name)
        # A table may come from anywhere; it names pictures inside its own folder only.
        if name is None or not contained(folder, path) or not path.is_file():
            continue
        sprite = folder / str(row.scores.get("sprite") or f"sprites/{path.name}")
        shown = sprite if contained(folder, sprite) and sprite.is_file() else None
        pictures.append(ReportPicture(row, path, shown))
    return pictures
