"""The verbs `audit`, `clean` and `restore`."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable

from ..captions.clean import STRATEGIES
from ..errors import InputError


def audit_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `bespoke audit`."""
    _dataset_options(parser)
    parser.add_argument("--trigger", help="the phrase that names what is trained; every caption may have it")


def audit(arguments: argparse.Namespace) -> int:
    """Audit a folder of captions; 1 when there are findings, else 0."""
    from ..captions.audit import audit_dataset
    from ..captions.dataset import read_dataset
    from ..captions.report import MEANINGS, worst_files

    dataset = read_dataset(
        arguments.dir,
        images=arguments.images,
        caption_extension=arguments.caption_extension,
        skip_unreadable=True,
        check_pictures=True,
    )
    result = audit_dataset(dataset, trigger=arguments.trigger, on_progress=_progress("audit"))
    if arguments.json:
        print(json.dumps(result.to_dict(), ensure_ascii=False))
        return int(bool(result.findings))
    print(f"{result.captions} captions, {result.codes} colour codes, {len(result.findings)} findings")
    places = Counter(found.finding for found in result.findings)
    for kind, files in result.files_with.items():
        if files:
            print(f"  {kind:20} {files:6} files {places[kind]:7} places  {MEANINGS[kind]}")
    worst = worst_files(result, 5)
    if worst:
        print("worst files:")
    for name, kinds in worst:
        print(f"  {name}: " + ", ".join(f"{number} {kind}" for kind, number in kinds.most_common()))
    return int(bool(result.findings))


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
        choices=("keep",),
        default="keep",
        help="what to do with a feature that is left without a colour word (keep: nothing)",
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
    from ..captions.dataset import read_dataset

    dataset = read_dataset(
        arguments.dir,
        images=arguments.images,
        caption_extension=arguments.caption_extension,
        skip_unreadable=True,
    )
    if arguments.with_images and dataset.images is None:
        raise InputError(
            "there are no pictures to copy",
            file=arguments.dir,
            field="--with-images",
            remedy="Name the pictures' folder with --images, or leave it out.",
        )
    report = clean_dataset(
        dataset,
        output=arguments.output,
        in_place=arguments.in_place,
        strategy=arguments.strategy,
        dry_run=arguments.dry_run,
        copy_images=arguments.with_images,
        skip_unreadable=arguments.skip_unreadable,
        on_progress=_progress("clean"),
    )
    if arguments.json:
        print(json.dumps(report.to_dict(), ensure_ascii=False))
        return 0
    if arguments.dry_run:
        for entry in report.diff:
            print(f"{entry['file']}\n- {entry['before']}\n+ {entry['after']}")
    would = "would change" if arguments.dry_run else "changed"
    print(
        f"{would} {report.changed} of {report.files} captions: {report.codes_removed} codes removed, "
        f"{report.codes_left} left, {report.text_kept:.1%} of the words kept"
    )
    for name in report.skipped:
        print(f"left out: {name} cannot be read")
    if report.output is not None:
        print(f"written to {report.output}")
    if report.backup is not None:
        print(f"backup in {report.backup}; `bespoke restore {arguments.dir}` brings it back")
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
        print(f"brought back {len(restored.files)} captions from {restored.backup}")
    return 0


def _dataset_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dir", metavar="DIR", help="the folder of captions (and of pictures, unless --images)"
    )
    parser.add_argument("--images", metavar="DIR", help="the folder of the pictures, if it is another one")
    parser.add_argument(
        "--caption-extension", default=".txt", metavar="EXT", help="the captions' ending (default: .txt)"
    )


def _progress(verb: str) -> Callable[[int, int], None] | None:
    """Return a counter for people at a terminal; None where nobody watches."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        if done % 500 == 0 or done == total:
            print(f"\r{verb} {done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return show
