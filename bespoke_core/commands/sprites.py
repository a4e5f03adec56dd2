"""The verbs `downscale` and `score`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..amounts import counted
from ..errors import InputError


def downscale_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `bespoke downscale`."""
    parser.add_argument("pictures", nargs="+", metavar="IN", help="pictures, or folders of pictures")
    parser.add_argument("--output", required=True, metavar="DIR", help="where the sprites go, as PNG")
    parser.add_argument(
        "--size",
        default="24",
        metavar="N|WxH|auto",
        help="the sprite's size in pixels; auto finds it in each picture (default: %(default)s)",
    )
    _method_option(parser, "grid")
    palette = parser.add_mutually_exclusive_group()
    palette.add_argument(
        "--colors", type=int, metavar="N", help="at most this many colours a sprite, 1 to 256"
    )
    palette.add_argument(
        "--palette", default="", metavar="CODES", help='the only colours allowed: "#112233, #445566"'
    )
    parser.add_argument(
        "--enlarge", type=int, metavar="N", help="also write each sprite enlarged N times, as NAME_xN.png"
    )


def downscale(arguments: argparse.Namespace) -> int:
    """Shrink pictures to sprites; all are read and checked one by one, none is overwritten by another."""
    from ..scoring.counting import count_colors
    from ..sprites.downscale import downscale as shrink
    from ..sprites.palette import parse_palette
    from ..sprites.pictures import list_pictures, read_picture, write_png
    from ..sprites.view import enlarge

    size = None if arguments.size.strip().lower() == "auto" else parse_size(arguments.size)
    palette = parse_palette(arguments.palette, field="--palette")
    paths = list_pictures(arguments.pictures)
    output = Path(arguments.output)
    _refuse_clashes(paths, output)
    if arguments.enlarge is not None and arguments.enlarge < 1:
        raise InputError("must be at least 1", field="--enlarge", value=arguments.enlarge, remedy="Use 10.")
    done: list[dict[str, Any]] = []
    for path in paths:
        sprite = _named(
            path,
            lambda p=path: shrink(
                read_picture(p)[None], size, arguments.method, arguments.colors, palette=palette
            ),
        )
        target = output / f"{path.stem}.png"
        write_png(target, sprite[0])
        if arguments.enlarge:
            view = enlarge(sprite[0], arguments.enlarge)
            write_png(output / f"{path.stem}_x{arguments.enlarge}.png", view)
        count = int(count_colors(sprite)[0])
        done.append(
            {
                "file": str(path),
                "sprite": str(target),
                "size": [sprite.shape[2], sprite.shape[1]],
                "unique_colors": count,
            }
        )
        if not arguments.json:
            print(f"{path} -> {target}  {counted(count, 'colour')}")
    if arguments.json:
        asked = None if size is None else list(size)
        print(json.dumps({"sprites": done, "size": asked, "method": arguments.method}, ensure_ascii=False))
    return 0


def score_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `bespoke score`."""
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help="pictures, or folders of pictures")
    parser.add_argument("--recursive", action="store_true", help="also the folders in these folders")
    parser.add_argument(
        "--size", default="24", metavar="N|WxH", help="the sprite's size in pixels (default: %(default)s)"
    )
    _method_option(parser, "nearest")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--prompt", metavar="TEXT", help="the prompt of every picture")
    asked.add_argument("--prompts", metavar="FILE.csv", help="a prompt for each picture; columns file,prompt")
    parser.add_argument("--reference", metavar="DIR", help="the training set's pictures, to compare with")
    parser.add_argument("--csv", metavar="FILE", help="also write the scores as CSV")
    parser.add_argument(
        "--sheet", metavar="FILE.png", help="draw sprites with their scores and main colours on one sheet"
    )
    parser.add_argument(
        "--report", metavar="DIR", help="write scores.csv, scores.json and sheet.png into this folder"
    )
    parser.add_argument(
        "--sheet-order", choices=("first", "worst"), default="first", help="whom to draw (default: first)"
    )
    parser.add_argument(
        "--sheet-count",
        type=int,
        default=60,
        metavar="N",
        help="draw so many at most, 1 to 300 (default: 60)",
    )
    parser.add_argument(
        "--skip-unreadable", action="store_true", help="leave broken pictures out and name them"
    )


def score(arguments: argparse.Namespace) -> int:
    """Score pictures one by one, in memory that does not grow with their scores."""
    from .score_output import score_folders

    return score_folders(arguments, parse_size(arguments.size))


def parse_size(text: str) -> tuple[int, int]:
    """Turn ``24`` or ``32x48`` into (width, height).

    Raises:
        InputError: it is neither, or outside 1..4096.
    """
    parts = text.lower().split("x")
    if len(parts) <= 2 and all(part.strip().isascii() and part.strip().isdigit() for part in parts):
        width, height = int(parts[0]), int(parts[-1])
        if 1 <= width <= 4096 and 1 <= height <= 4096:
            return width, height
    raise InputError(
        "is not a sprite's size", field="--size", value=text, remedy="Write 24, or 32x48 (width x height)."
    )


def _method_option(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--method",
        default=default,
        metavar="NAME",
        help="grid, nearest, box, lanczos, median, mode or k-centroid (default: %(default)s)",
    )


def _named(path: Path, work: Any) -> Any:
    """Run `work` and add the picture's name to an error that does not know it."""
    try:
        return work()
    except InputError as error:
        if error.file is not None:
            raise
        shown = {"value": error.value} if error.has_value else {}
        raise InputError(error.problem, remedy=error.remedy, file=path, field=error.field, **shown) from None


def _refuse_clashes(paths: list[Path], output: Path) -> None:
    seen: dict[str, Path] = {}
    for path in paths:
        other = seen.setdefault(path.stem.casefold(), path)
        if other != path:
            raise InputError(
                f"would be written to the same sprite as {other}",
                file=path,
                remedy="Rename one of them, or shrink them into two folders.",
            )
        target = output / f"{path.stem}.png"
        if target.exists() and target.resolve() == path.resolve():
            raise InputError(
                "would be overwritten by its own sprite",
                file=path,
                field="--output",
                remedy="Give another folder.",
            )
