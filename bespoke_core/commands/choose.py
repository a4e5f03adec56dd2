"""The verb `choose`: the verdict's checkpoint under a clear name."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def choose_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `choose`."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="a sweep's folder, or fetched results")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="ends in .safetensors")
    parser.add_argument("--by", default="unique_colors", metavar="COLUMN", help="the score that ranks")
    parser.add_argument("--checkpoint", metavar="NAME", help="this one instead of the recommended one")
    parser.add_argument(
        "--lora",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="LoRA files to find it among by its hash, where the sweep's own paths are not of this machine",
    )
    loras_option(parser)


def loras_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that names folders of LoRA files."""
    parser.add_argument(
        "--loras",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="likewise a folder, with all folders in it",
    )


def choose(arguments: argparse.Namespace) -> int:
    """Copy the recommended checkpoint to a name of its own, the verdict in its metadata."""
    from ..errors import InputError
    from ..evaluation.checkpoints import choose as choose_among
    from ..evaluation.choosing import keep_chosen
    from ..evaluation.measured_files import rows_and_checkpoints, with_file
    from ..evaluation.verdict import decide

    rows, checkpoints = rows_and_checkpoints(arguments.folder)
    found = decide(rows, by=arguments.by)
    name = arguments.checkpoint or found.best
    if name is None:
        raise InputError(
            "recommends no checkpoint", file=arguments.folder, remedy="Name one with --checkpoint."
        )
    places = [*arguments.lora, *arguments.loras]
    checkpoint = with_file(choose_among(checkpoints, name=name), places, folder=arguments.folder)
    keep_chosen(checkpoint, arguments.output, found.to_dict())
    if arguments.json:
        told = {"checkpoint": name, "sha256": checkpoint.sha256, "file": str(arguments.output)}
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(f"{name} (epoch {checkpoint.epoch}) is now {arguments.output}, its verdict in its metadata")
    return 0
