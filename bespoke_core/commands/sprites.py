"""The verbs `downscale` and `score`."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import write_text


def downscale_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `bespoke downscale`."""
    parser.add_argument("pictures", nargs="+", metavar="IN", help="pictures, or folders of pictures")
    parser.add_argument("--output", required=True, metavar="DIR", help="where the sprites go, as PNG")
    parser.add_argument(
        "--size", default="24", metavar="N|WxH", help="the sprite's size in pixels (default: %(default)s)"
    )
    _method_option(parser, "grid")
    parser.add_argument(
        "--colors", type=int, metavar="N", help="at most this many colours a sprite, 1 to 256"
    )
    parser.add_argument(
        "--enlarge", type=int, metavar="N", help="also write each sprite enlarged N times, as NAME_xN.png"
    )


def downscale(arguments: argparse.Namespace) -> int:
    """Shrink pictures to sprites; all are read and checked one by one, none is overwritten by another."""
    from ..scoring.counting import count_colors
    from ..sprites.downscale import downscale as shrink
    from ..sprites.pictures import list_pictures, read_picture, write_png
    from ..sprites.view import enlarge

    size = parse_size(arguments.size)
    paths = list_pictures(arguments.pictures)
    output = Path(arguments.output)
    _refuse_clashes(paths, output)
    if arguments.enlarge is not None and arguments.enlarge < 1:
        raise InputError("must be at least 1", field="--enlarge", value=arguments.enlarge, remedy="Use 10.")
    done: list[dict[str, Any]] = []
    for path in paths:
        sprite = _named(
            path, lambda p=path: shrink(read_picture(p)[None], size, arguments.method, arguments.colors)
        )
        target = output / f"{path.stem}.png"
        write_png(target, sprite[0])
        if arguments.enlarge:
            view = enlarge(sprite[0], arguments.enlarge)
            write_png(output / f"{path.stem}_x{arguments.enlarge}.png", view)
        done.append({"file": str(path), "sprite": str(target), "unique_colors": int(count_colors(sprite)[0])})
        if not arguments.json:
            print(f"{path} -> {target}  {done[-1]['unique_colors']} colours")
    if arguments.json:
        print(
            json.dumps({"sprites": done, "size": list(size), "method": arguments.method}, ensure_ascii=False)
        )
    return 0


def score_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `bespoke score`."""
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help="pictures, or folders of pictures")
    parser.add_argument(
        "--size", default="24", metavar="N|WxH", help="the sprite's size in pixels (default: %(default)s)"
    )
    _method_option(parser, "nearest")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--prompt", metavar="TEXT", help="the prompt of every picture")
    asked.add_argument("--prompts", metavar="FILE.csv", help="a prompt for each picture; columns file,prompt")
    parser.add_argument("--reference", metavar="DIR", help="the training set's pictures, to compare with")
    parser.add_argument("--csv", metavar="FILE", help="also write the scores as CSV")


def score(arguments: argparse.Namespace) -> int:
    """Score pictures one by one, in memory that does not grow with their number."""
    from ..scoring.reference import read_reference
    from ..scoring.score import score_pictures, scores_csv
    from ..sprites.pictures import list_pictures, read_picture

    size = parse_size(arguments.size)
    paths = list_pictures(arguments.pictures)
    prompts = _prompts(arguments, paths)
    reference = None
    if arguments.reference:
        reference = read_reference(arguments.reference, size=size, method=arguments.method)
    scores = []
    for path, prompt in zip(paths, prompts, strict=True):
        picture = read_picture(path)[None]
        asked = None if prompt is None else [prompt]
        scores += _named(
            path,
            lambda p=picture, a=asked: score_pictures(
                p, size=size, method=arguments.method, prompts=a, reference=reference
            ),
        )
    if arguments.csv:
        write_text(arguments.csv, scores_csv(scores, [str(path) for path in paths]))
    records = [{"file": str(path), **s.to_dict()} for path, s in zip(paths, scores, strict=True)]
    if arguments.json:
        result: dict[str, Any] = {"scores": records, "size": list(size), "method": arguments.method}
        if reference is not None:
            result["reference"] = reference.to_dict()
        print(json.dumps(result, ensure_ascii=False, allow_nan=False))
        return 0
    _print_scores(records)
    return 0


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


def _prompts(arguments: argparse.Namespace, paths: list[Path]) -> list[str | None]:
    if arguments.prompts is None:
        return [arguments.prompt] * len(paths)
    source = Path(arguments.prompts)
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            records = list(csv.DictReader(file, restkey="rest"))
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror or error})", file=source, remedy="Give a CSV file."
        ) from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError("is not a UTF-8 CSV file", file=source, remedy="Save it as UTF-8 CSV.") from None
    if not records or not {"file", "prompt"} <= set(records[0]):
        raise InputError(
            "needs the columns file,prompt and a row for each picture", file=source, remedy="Add them."
        )
    table: dict[str, str] = {}
    for line, record in enumerate(records, 2):
        if record.get("rest"):
            raise InputError(
                f"line {line} has more than its columns", file=source, remedy='Quote the prompt: "a, b".'
            )
        table[Path((record["file"] or "").replace("\\", "/")).name] = record["prompt"] or ""
    missing = [path for path in paths if path.name not in table]
    if missing:
        raise InputError(
            f"has no prompt for {len(missing)} of {len(paths)} pictures, {missing[0].name} for one",
            file=source,
            field="file",
            value=missing[0].name,
            remedy="Add a row for each picture.",
        )
    return [table[path.name] for path in paths]


def _print_scores(records: list[dict[str, Any]]) -> None:
    width = max(len(record["file"]) for record in records)
    columns = ("unique_colors", "perceptual_colors", "background_match", "background_color", "grid_fidelity")
    print("  ".join(["file".ljust(width), *columns]))
    for record in records:
        cells = ["-" if record[c] is None else str(record[c]) for c in columns]
        row = [record["file"].ljust(width), *(t.rjust(len(c)) for c, t in zip(columns, cells, strict=True))]
        print("  ".join(row))
    mean = sum(record["unique_colors"] for record in records) / len(records)
    print(f"{len(records)} pictures, {mean:.1f} unique colours on average")
