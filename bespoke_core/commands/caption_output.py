"""What the caption verbs print: long lists in JSON without holding them, changes word by word, progress."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

from ..amounts import counted

if TYPE_CHECKING:
    from ..captions.audit import Audit
    from ..captions.clean_dataset import CleanReport

_IN_MEMORY = 8_000_000  # bytes of a list that wait in memory; more wait in a temporary file
_WORST = 5  # files that are named
# Captions are other people's text: what a terminal would obey is shown, not sent.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_REMOVED, _INSERTED, _PLAIN = "\x1b[31;9m", "\x1b[32;1m", "\x1b[0m"


class JsonLists:
    """Lists of a JSON object that grow with the data set: written as they come, printed when all is well.

    So a failure half-way prints its error and nothing else, and memory does not grow.

    Args:
        names: the keys of the lists, in the order in which they are printed.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._files: dict[str, IO[str]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> JsonLists:
        for name in self._names:
            file = SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8")
            self._files[name] = self._stack.enter_context(file)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, name: str, entry: dict[str, Any]) -> None:
        """Append to one of the lists."""
        self._files[name].write(json.dumps(entry, ensure_ascii=True) + "\n")

    def print(self, summary: dict[str, Any], out: IO[str] | None = None) -> None:
        """Print one JSON object on one line: the summary's keys, then the lists."""
        out = out or sys.stdout
        out.write(json.dumps(summary, ensure_ascii=False)[:-1])
        for name, file in self._files.items():
            out.write(f', "{name}": [')
            file.seek(0)
            for place, line in enumerate(file):
                out.write((", " if place else "") + line.rstrip("\n"))
            out.write("]")
        out.write("}\n")


class ChangesPrinter:
    """Prints what cleaning changes, file by file: the old line, the new one, the colours that were named.

    At a terminal the words that go and come are marked.
    """

    def __init__(self) -> None:
        self._marks = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._file: str | None = None

    def add(self, name: str, entry: dict[str, Any]) -> None:
        """Print an entry of a list of the report ("diff", "repairs" or "unrepaired")."""
        if entry["file"] != self._file:
            self._file = entry["file"]
            print(harmless(entry["file"]))
        if name == "diff":
            self._print_lines(harmless(entry["before"]), harmless(entry["after"]))
        elif name == "repairs":
            told = f" (its code {entry['code']} agrees)" if entry["code"] else ""
            print(f'  named: "{harmless(entry["phrase"])}" is {entry["name"]}{told}. {entry["reason"]}')
        else:
            print(f'  left:  "{harmless(entry["phrase"])}". {entry["reason"]}')

    def _print_lines(self, before: str, after: str) -> None:
        if self._marks:
            from ..captions.word_diff import INSERTED, REMOVED, word_diff

            runs = word_diff(before, after)
            before = _marked(runs, REMOVED, INSERTED, _REMOVED)
            after = _marked(runs, INSERTED, REMOVED, _INSERTED)
        for mark, text in (("-", before), ("+", after)):
            for line in text.split("\n"):
                print(f"{mark} {line}")


def harmless(text: str) -> str:
    """Return a text with its control characters written out; its line breaks stay breaks."""
    return "\n".join(line.translate(_CONTROL) for line in text.rstrip().splitlines())


def _marked(runs: list[tuple[str, str]], shown: str, hidden: str, colour: str) -> str:
    return "".join(
        f"{colour}{text}{_PLAIN}" if mark == shown else text for mark, text in runs if mark != hidden
    )


@contextmanager
def progress_bar(verb: str, unit: str = "captions") -> Iterator[Callable[[int, int], None] | None]:
    """Yield what shows people at a terminal how far a verb is; None where nobody watches."""
    if not sys.stderr.isatty() or find_spec("tqdm") is None:
        yield None
        return
    from tqdm import tqdm

    with tqdm(desc=verb, unit=f" {unit}", file=sys.stderr, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def print_audit(result: Audit) -> None:
    """Print the totals, a line for each kind of finding, the worst files with their errors, what to do."""
    from ..captions.report import MEANINGS
    from ..captions.todo import what_to_do

    print(
        f"{counted(result.captions, 'caption')}, {counted(result.codes, 'colour code')}, "
        f"{counted(result.total, 'finding')}"
    )
    for kind, files in result.files_with.items():
        if files:
            print(f"  {kind:20} {files:6} files {result.places[kind]:7} places  {MEANINGS[kind]}")
    if result.worst:
        print("worst files:")
    for worst in result.worst[:_WORST]:
        kinds = Counter(found.finding for found in worst.findings).most_common()
        print(f"  {harmless(worst.file)}: " + ", ".join(f"{number} {kind}" for kind, number in kinds))
        for found in worst.findings:
            if found.severity == "error":
                print(f"    {harmless(found.advice)}")
    steps = what_to_do(result)
    if steps:
        print("what to do, the most pressing first:")
    for number, step in enumerate(steps, start=1):
        print(f"  {number}. {step.title}. {harmless(step.text)}")


def print_cleaning(report: CleanReport, folder: str, *, dry_run: bool) -> None:
    """Print the totals and where the result is; `folder` is the data set as the user named it."""
    would = "would change" if dry_run else "changed"
    print(
        f"{would} {report.changed} of {counted(report.files, 'caption')}: "
        f"{counted(report.codes_removed, 'code')} removed, {report.codes_left} left, "
        f"{report.text_kept:.1%} of the words kept"
    )
    if report.repaired or report.left_colourless:
        print(
            f"named {counted(report.repaired, 'colour')}; "
            f"{counted(report.left_colourless, 'feature stays', 'features stay')} without one"
        )
    for phrase in report.removed_phrases:
        print(f"removed from all captions: {harmless(phrase)}")
    for name in report.skipped:
        print(f"left out: {harmless(name)} cannot be read")
    if report.output is not None:
        print(f"written to {report.output}")
    if report.backup is not None:
        print(f"backup in {report.backup}; `bespoke restore {folder}` brings it back")
