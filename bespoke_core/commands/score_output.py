"""What `bespoke score` does with the scores: prints, tables and sheets, each written whole or not at all."""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..amounts import counted, score_text
from ..errors import InputError
from ..files import clear_errors, whole_file
from .caption_output import JsonLists, progress_bar
from .score_prompts import find_pictures, prompts_from

if TYPE_CHECKING:
    from ..scoring.files import ScoredFile
    from ..scoring.reference import ReferenceStatistics
    from ..scoring.score_sheet import Picked

_SHOWN = 50  # rows that are printed; a table of more belongs into a file
_COLUMNS = ("unique_colors", "perceptual_colors", "background_match", "background_color", "grid_fidelity")
_REPORT = ("scores.csv", "scores.json", "sheet.png")
_NAMED = 20  # of the pictures that were left out


def score_folders(arguments: argparse.Namespace, size: tuple[int, int]) -> int:
    """Score the pictures of the command line one by one and hand each to every output that was asked for."""
    from ..scoring.reference import read_reference
    from ..scoring.score_sheet import Picked

    picked = Picked(arguments.sheet_count, arguments.sheet_order)
    pictures = find_pictures(arguments.pictures, recursive=arguments.recursive)
    prompts: Sequence[str | None] = [arguments.prompt] * len(pictures)
    if arguments.prompts is not None:
        prompts = prompts_from(Path(arguments.prompts), pictures)
    reference = None
    if arguments.reference:
        reference = read_reference(arguments.reference, size=size, method=arguments.method)
    about: dict[str, Any] = {"size": list(size), "method": arguments.method}
    summary = _Summary()
    target = arguments.report or arguments.csv or arguments.sheet
    with ExitStack() as stack:
        lists = stack.enter_context(JsonLists("scores")) if arguments.json else None
        with ExitStack() as files:
            if target:
                files.enter_context(clear_errors(Path(target), "nothing was written"))
            outputs = _Outputs(arguments, about, reference, lists, files)
            _score_all(arguments, pictures, prompts, reference, (summary, outputs, picked))
            outputs.draw(picked)
        if lists is not None:
            more = {} if reference is None else {"reference": reference.to_dict()}
            skipped = {"skipped": summary.skipped} if summary.skipped else {}
            lists.print(about | more | skipped)
    if not arguments.json:
        summary.print(outputs.written)
    return 0


def _score_all(
    arguments: argparse.Namespace,
    pictures: dict[Path, str],
    prompts: Sequence[str | None],
    reference: ReferenceStatistics | None,
    receivers: tuple[_Summary, _Outputs, Picked],
) -> None:
    from ..scoring.files import score_files

    summary, outputs, picked = receivers
    with progress_bar("score", "pictures") as on_progress:
        for one in score_files(
            list(pictures),
            size=outputs.size,
            method=arguments.method,
            prompts=prompts,
            reference=reference,
            on_progress=on_progress,
            skip=summary.skip if arguments.skip_unreadable else None,
        ):
            name = _text(one.path)
            summary.add(name, one)
            outputs.add(name, one)
            if arguments.sheet or arguments.report:
                sprite = partial(_sprite, one, outputs.size, arguments.method)
                picked.offer(pictures[one.path], one.scores, sprite)
    if not summary.scored:
        first = summary.skipped[0]
        problem = (
            f"none of {counted(len(pictures), 'picture')} can be scored; {first['file']}: {first['problem']}"
        )
        raise InputError(problem, remedy="Give whole pictures.")


def _sprite(one: ScoredFile, size: tuple[int, int], method: str) -> Any:
    from ..sprites.downscale import downscale

    return downscale(one.picture[None], size, method)[0]


def _text(path: Path) -> str:
    """Return a file's name as text; bytes in it that are none are shown as \\udcXX."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


class _Outputs:
    """The files and the JSON that grow while pictures are scored.

    They are entered into the caller's stack, so that an error leaves none of them behind.
    """

    def __init__(
        self,
        arguments: argparse.Namespace,
        about: dict[str, Any],
        reference: ReferenceStatistics | None,
        lists: JsonLists | None,
        stack: ExitStack,
    ) -> None:
        from ..scoring.files import ScoresFolder
        from ..scoring.score import scores_csv

        self.written: list[str] = []
        self.size = (about["size"][0], about["size"][1])
        self._stack, self._sheet, self._json = stack, arguments.sheet, lists
        self._csv: IO[str] | None = None
        self._folder: ScoresFolder | None = None
        if arguments.sheet and Path(arguments.sheet).suffix.lower() != ".png":
            raise InputError(
                "must end in .png", field="--sheet", value=arguments.sheet, remedy="Name it sheet.png."
            )
        if arguments.report:
            _refuse_foreign(Path(arguments.report))
            folder = ScoresFolder(
                arguments.report, size=self.size, method=about["method"], reference=reference
            )
            self._folder = stack.enter_context(folder)
            self.written += [str(Path(arguments.report, name)) for name in _REPORT]
        if arguments.csv:
            temporary = stack.enter_context(whole_file(arguments.csv))
            self._csv = stack.enter_context(temporary.open("w", encoding="utf-8", newline=""))
            self._csv.write(scores_csv([]))
            self.written.append(arguments.csv)

    def add(self, name: str, one: ScoredFile) -> None:
        """Write one picture's scores to each."""
        record = one.scores.to_dict()
        if self._json is not None:
            self._json.add("scores", {"file": name, **record})
        if self._csv is not None:
            row = [name, *("" if value is None else value for value in record.values())]
            csv.writer(self._csv, lineterminator="\n").writerow(row)
        if self._folder is not None:
            self._folder.add(name, one.scores)

    def draw(self, picked: Picked) -> None:
        """Draw the sheets."""
        from ..scoring.score_sheet import draw_score_sheet

        targets = [] if self._folder is None else [self._folder.building / "sheet.png"]
        if self._sheet:
            targets.append(self._stack.enter_context(whole_file(self._sheet)))
            self.written.append(self._sheet)
        if targets:
            sheet = draw_score_sheet(picked.cards, picked.title)
            for target in targets:
                sheet.save(target, format="PNG")


def _refuse_foreign(folder: Path) -> None:
    remedy = "Give another folder; a report never mixes with other files."
    if folder.exists() and not folder.is_dir():
        raise InputError("is a file", file=folder, field="--report", remedy=remedy)
    foreign = (
        sorted(path.name for path in folder.iterdir() if path.name not in _REPORT) if folder.is_dir() else []
    )
    if foreign:
        problem = f"holds other files than a report's, such as {foreign[0]}"
        raise InputError(problem, file=folder, field="--report", remedy=remedy)


class _Summary:
    """What is printed for people: the first rows and a few totals, however many pictures there are."""

    def __init__(self) -> None:
        self.scored = 0
        self.skipped: list[dict[str, str]] = []
        self._rows: list[list[str]] = []
        self._unique = 0
        self._answers: Counter[str] = Counter()

    def skip(self, path: Path, error: InputError) -> None:
        """Note a picture that is left out; an option that fits no picture is an error all the same."""
        if error.field is not None and error.field not in ("size", "images"):
            raise error
        self.skipped.append({"file": _text(path), "problem": error.problem})

    def add(self, name: str, one: ScoredFile) -> None:
        """Count one picture."""
        self.scored += 1
        self._unique += one.scores.unique_colors
        self._answers[one.scores.background_match] += 1
        if len(self._rows) < _SHOWN:
            record = one.scores.to_dict()
            shown = "".join(letter if letter.isprintable() else "?" for letter in name)
            self._rows.append([shown, *("-" if record[c] is None else str(record[c]) for c in _COLUMNS)])

    def print(self, written: list[str]) -> None:
        """Print it, and on standard error what was left out."""
        width = max(4, *(len(row[0]) for row in self._rows))
        print("  ".join(["file".ljust(width), *_COLUMNS]))
        for name, *cells in self._rows:
            row = [name.ljust(width), *(t.rjust(len(c)) for c, t in zip(_COLUMNS, cells, strict=True))]
            print("  ".join(row))
        if self.scored > len(self._rows):
            print(f"... and {self.scored - len(self._rows):,} more; --csv and --report write all of them")
        mean = score_text(self._unique / self.scored)
        print(f"{counted(self.scored, 'picture')}, {mean} unique colours on average")
        asked = [f"{self._answers[answer]} {answer}" for answer in ("yes", "no", "unclear")]
        if sum(self._answers[answer] for answer in ("yes", "no", "unclear")):
            print(f"background as asked: {', '.join(asked)}")
        for path in written:
            print(f"written: {path}")
        for left in self.skipped[:_NAMED]:
            print(f"left out: {left['file']}: {left['problem']}", file=sys.stderr)
        if len(self.skipped) > _NAMED:
            print(f"left out: {len(self.skipped) - _NAMED} more", file=sys.stderr)
