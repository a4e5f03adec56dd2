"""The verbs `audit`, `clean` and `restore`."""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ..amounts import counted
from ..captions.clean import STRATEGIES
from ..captions.style import DEFAULT_STYLE_PHRASES
from ..errors import InputError
from ..files import clear_errors
from .caption_output import ChangesPrinter, JsonLists, print_audit, print_cleaning, progress_bar

if TYPE_CHECKING:
    from ..captions.dataset import Dataset


def audit_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `bespoke audit`."""
    _dataset_options(parser)
    parser.add_argument(
        "--max-token-length",
        type=int,
        choices=(75, 150, 225),
        default=225,
        help="the tokens that training reads (default: 225)",
    )
    parser.add_argument(
        "--text-only", action="store_true", help="do not look at the pictures, only pair names"
    )
    parser.add_argument("--report", metavar="DIR", help="write a report for people into this folder")


def audit(arguments: argparse.Namespace) -> int:
    """Audit a folder of captions; 1 when there are findings, else 0."""
    from ..captions.audit import audit_dataset
    from ..captions.findings import Finding

    dataset = _read(arguments)
    with ExitStack() as stack:
        lists = stack.enter_context(JsonLists("findings"))
        written = stack.enter_context(ExitStack())
        report = None
        if arguments.report:
            from ..captions.report_page import AuditReport

            written.enter_context(clear_errors(Path(arguments.report), "no report was written"))
            report = written.enter_context(
                AuditReport(Path(arguments.report), title=dataset.folder.resolve().name)
            )
        on_progress = written.enter_context(progress_bar("audit"))

        def told(found: Finding) -> None:
            if arguments.json:
                lists.add("findings", found.to_dict())
            if report is not None:
                report.add(found)

        result = audit_dataset(
            dataset,
            trigger=arguments.trigger,
            style_phrases=_style_phrases(arguments),
            max_token_length=arguments.max_token_length,
            pictures=not arguments.text_only,
            keep=0,
            on_finding=told,
            on_progress=on_progress,
        )
        files = {} if report is None else report.write(result)
        written.close()
        if arguments.json:
            lists.print(result.summary() | _written(files))
    if not arguments.json:
        print_audit(result)
        for path in files.values():
            print(f"written: {path}")
    return int(bool(result.total))


def _written(files: dict[str, Path]) -> dict[str, dict[str, str]]:
    return {"report": {kind: str(path) for kind, path in files.items()}} if files else {}


def clean_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `bespoke clean`."""
    _dataset_options(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--output", metavar="DIR", help="the new folder; it must not hold other files")
    where.add_argument("--in-place", action="store_true", help="change the files, after a backup")
    parser.add_argument(
        "--strategy",
        choices=STRATEGIES,
        default="smart",
        help="smart removes every code; 2025 repeats the original experiment's script",
    )
    parser.add_argument(
        "--colourless",
        choices=("keep", "name"),
        default="keep",
        help="what to do with a feature that no word gives a colour (keep: nothing; name: put in the name "
        "of the colour that the picture shows there, where it can be told)",
    )
    parser.add_argument(
        "--remove-frequent",
        action="store_true",
        help="also remove phrases of at least 80 %% of the captions, save the trigger",
    )
    parser.add_argument("--dry-run", action="store_true", help="write nothing, only show what would change")
    parser.add_argument(
        "--with-images", action="store_true", help="copy the pictures into the new folder, too"
    )
    parser.add_argument(
        "--skip-unreadable",
        action="store_true",
        help="leave out captions that cannot be read, instead of stopping",
    )


def clean(arguments: argparse.Namespace) -> int:
    """Clean a folder of captions."""
    from ..captions.clean_dataset import clean_dataset

    dataset = _read(arguments)
    if arguments.with_images and dataset.images is None:
        raise InputError(
            "there are no pictures to copy",
            file=arguments.dir,
            field="--with-images",
            remedy="Name the pictures' folder with --images, or leave it out.",
        )
    if arguments.colourless == "name" and dataset.images is None:
        raise InputError(
            "there are no pictures to see the colours in",
            file=arguments.dir,
            field="--colourless",
            value="name",
            remedy="Name the pictures' folder with --images, or leave it out.",
        )
    shown = arguments.dry_run and not arguments.json
    changes = ChangesPrinter()
    with ExitStack() as stack:
        lists = stack.enter_context(JsonLists("repairs", "unrepaired", "diff"))
        report = clean_dataset(
            dataset,
            output=arguments.output,
            in_place=arguments.in_place,
            strategy=arguments.strategy,
            colourless=arguments.colourless,
            style_phrases=_style_phrases(arguments),
            remove_frequent=arguments.remove_frequent,
            trigger=arguments.trigger,
            dry_run=arguments.dry_run,
            copy_images=arguments.with_images,
            skip_unreadable=arguments.skip_unreadable,
            keep=0,
            on_entry=lists.add if arguments.json else changes.add if shown else None,
            on_progress=None if shown else stack.enter_context(progress_bar("clean")),
        )
        if arguments.json:
            lists.print(report.summary())
    if not arguments.json:
        print_cleaning(report, arguments.dir, dry_run=arguments.dry_run)
    return 0


def restore_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `bespoke restore`."""
    parser.add_argument("dir", metavar="DIR", help="the folder that was cleaned in place")
    parser.add_argument(
        "--overwrite-edits", action="store_true", help="also overwrite captions that were changed since"
    )


def restore(arguments: argparse.Namespace) -> int:
    """Bring back the captions as they were before the last cleaning in place."""
    from ..captions.backup import restore as bring_back

    restored = bring_back(arguments.dir, overwrite_edits=arguments.overwrite_edits)
    if arguments.json:
        print(json.dumps(restored.to_dict(), ensure_ascii=False))
    else:
        print(f"brought back {counted(len(restored.files), 'caption')} from {restored.backup}")
    return 0


def _dataset_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dir",
        metavar="DIR",
        help="the folder of captions (and of pictures, unless --images), or of folders such as 10_concept",
    )
    parser.add_argument("--images", metavar="DIR", help="the folder of the pictures, if it is another one")
    parser.add_argument(
        "--caption-extension",
        metavar="EXT",
        help="the captions' ending (default: .txt or .caption, whichever more of the pictures have)",
    )
    parser.add_argument(
        "--encoding", metavar="NAME", help="how captions that are not UTF-8 are read, such as cp1252"
    )
    parser.add_argument("--trigger", help="the phrase that names what is trained; every caption may have it")
    parser.add_argument(
        "--style-phrase",
        action="append",
        default=[],
        metavar="PHRASE",
        help="a phrase about the style of the whole set, besides the usual ones; can be repeated",
    )
    parser.add_argument(
        "--keep-style",
        action="store_true",
        help=f"leave the usual style phrases alone ({', '.join(DEFAULT_STYLE_PHRASES)})",
    )


def _style_phrases(arguments: argparse.Namespace) -> tuple[str, ...]:
    return (*(() if arguments.keep_style else DEFAULT_STYLE_PHRASES), *arguments.style_phrase)


def _read(arguments: argparse.Namespace) -> Dataset:
    from ..captions.dataset import read_dataset

    return read_dataset(
        arguments.dir,
        images=arguments.images,
        caption_extension=arguments.caption_extension,
        skip_unreadable=True,
        encoding=arguments.encoding,
    )
