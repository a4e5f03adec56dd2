"""What a report shows of one of the worst files: its phrases with their codes, and its caption with marks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from .checks import Reading, read_caption
from .findings import SEVERITIES, Finding
from .parse import Code
from .scan import Span
from .todo import OF_CODES

if TYPE_CHECKING:
    from .tally import WorstFile

_LONGEST = 3000  # characters of a caption that are shown
_MOST_PHRASES = 24
_MOST_SWATCHES = 24  # of one phrase
_PLACES = {"palette": "palette list", "tail": "after the palette", "codes": "between commas"}

_WRONG, _SHARED = ("misplaced_code", "phantom_code"), ("shared_code", "duplicate_code", "malformed_code")
_SAYS = {
    "phantom_code": "not in the picture",
    "misplaced_code": "not its colour",
    "shared_code": "shared with another feature",
    "duplicate_code": "on several phrases",
    "malformed_code": "malformed",
}
_OF_ONE_PLACE = ("misplaced_code", "malformed_code")  # others hold wherever the code stands
#: How a place in a caption is marked, by the kind of what is wrong there; the first that applies counts.
GROUPS = {
    "wrong": ("misplaced_code", "phantom_code"),
    "code": ("shared_code", "duplicate_code", "uncaptioned_code", "malformed_code"),
    "text": ("malformed_text",),
    "bare": ("colourless_feature",),
    "style": ("boilerplate", "frequent_phrase"),
}


class Swatch(NamedTuple):
    """One colour code beside a phrase.

    Attributes:
        hex: "#rrggbb".
        kinds: what is wrong with it, as `SEVERITIES` orders it; nothing where it is a good one.
        degree: "wrong" where the picture shows that it is not this phrase's, "shared" where other phrases
            have it, too, else "".
        says: the same in a few words.
    """

    hex: str
    kinds: tuple[str, ...]
    degree: str
    says: str


class PhraseRow(NamedTuple):
    """A phrase with the codes that stand in it; the codes of the palette and the tail have rows of their own.

    Attributes:
        text: its words.
        swatches: its codes, each once.
        bound: whether the codes belong to the phrase.
    """

    text: str
    swatches: tuple[Swatch, ...]
    bound: bool


class Run(NamedTuple):
    """A stretch of a caption that is marked in one way.

    Attributes:
        text: as written.
        group: a key of `GROUPS`, or "" where nothing is wrong.
        kinds: what is wrong.
        lost: it lies beyond what training reads.
        hex: the colour of the code that starts here, or "".
    """

    text: str
    group: str
    kinds: tuple[str, ...]
    lost: bool
    hex: str


def kinds_of(worst: WorstFile) -> list[tuple[str, int]]:
    """Return the kinds of a file's findings with their number, in the order of `SEVERITIES`."""
    counts = Counter(found.finding for found in worst.findings)
    return [(kind, counts[kind]) for kind in SEVERITIES if counts[kind]]


def offending(worst: WorstFile) -> tuple[Swatch, ...]:
    """Return the distinct codes that something is wrong with, wrong ones before shared and loose ones."""
    found: dict[str, Swatch] = {}
    for row in phrase_rows(worst):
        for swatch in row.swatches:
            if swatch.kinds and (swatch.hex not in found or swatch.degree == "wrong"):
                found[swatch.hex] = swatch
    return tuple(sorted(found.values(), key=lambda one: ("wrong", "shared", "").index(one.degree)))


def phrase_rows(worst: WorstFile) -> tuple[PhraseRow, ...]:
    """Return the phrases that codes stand in, in order, at most 24."""
    reading = _read(worst)
    wrong = _wrong_codes(reading, worst.findings)
    here = _wrong_here(reading, worst.findings)
    words = {part.index: part.text for part in reading.parts}
    rows: dict[int | str, list[Swatch]] = {}
    for code in reading.caption.codes:
        key: int | str = code.phrase if code.phrase is not None else _place_of(reading, code.start)
        row = rows.setdefault(key, [])
        swatch = _swatch(code, {*wrong.get(code.hex, ()), *here.get((code.phrase, code.hex), ())})
        if swatch not in row and len(row) < _MOST_SWATCHES:
            row.append(swatch)
    return tuple(
        PhraseRow(key if isinstance(key, str) else words.get(key, ""), tuple(row), not isinstance(key, str))
        for key, row in list(rows.items())[:_MOST_PHRASES]
    )


def marked(worst: WorstFile) -> tuple[Run, ...]:
    """Return the caption's first 3,000 characters in runs, each with what is wrong there."""
    reading = _read(worst)
    text = reading.caption.text
    spans = [(one.span, one.finding) for one in worst.findings if one.span[1] > one.span[0]]
    codes = {code.start: code for code in reading.caption.codes}
    edges = {0, len(text), *codes, *(code.end for code in codes.values())}
    edges.update(min(edge, len(text)) for span, _ in spans for edge in span)
    places = sorted(edges)
    runs = []
    for start, end in pairwise(places):
        kinds = _kinds_at(start, spans)
        group = next((name for name, members in GROUPS.items() if not kinds.isdisjoint(members)), "")
        ordered = tuple(kind for kind in SEVERITIES if kind in kinds)
        hex_of = codes[start].hex if start in codes else ""
        runs.append(Run(text[start:end], group, ordered, "over_token_limit" in kinds, hex_of))
    if len(worst.caption) > len(text):
        runs.append(Run("...", "", (), False, ""))
    return tuple(runs)


def _read(worst: WorstFile) -> Reading:
    return read_caption(worst.file, worst.caption[:_LONGEST])


def _wrong_codes(reading: Reading, findings: Iterable[Finding]) -> dict[str, set[str]]:
    """Return what is wrong with a code wherever it stands, by its value."""
    at = {code.start: code.hex for code in reading.caption.codes}
    wrong: dict[str, set[str]] = {}
    for found in findings:
        if found.finding in OF_CODES and found.finding not in _OF_ONE_PLACE and found.span[0] in at:
            wrong.setdefault(at[found.span[0]], set()).add(found.finding)
    return wrong


def _wrong_here(reading: Reading, findings: Iterable[Finding]) -> dict[tuple[int | None, str], set[str]]:
    """Return what is wrong with a code in one phrase, by that phrase and the code's value."""
    at = {code.start: (code.phrase, code.hex) for code in reading.caption.codes}
    wrong: dict[tuple[int | None, str], set[str]] = {}
    for found in findings:
        if found.finding in _OF_ONE_PLACE and found.span[0] in at:
            wrong.setdefault(at[found.span[0]], set()).add(found.finding)
    return wrong


def _swatch(code: Code, wrong: set[str]) -> Swatch:
    kinds = tuple(kind for kind in SEVERITIES if kind in wrong)
    said = next((kind for kind in _SAYS if kind in kinds), "")
    degree = "wrong" if said in _WRONG else "shared" if said in _SHARED and code.phrase is not None else ""
    return Swatch(code.hex, kinds, degree, _SAYS[said] if degree else "")


def _place_of(reading: Reading, start: int) -> str:
    phrase = next(one for one in reading.caption.phrases if one.start <= start < max(one.end, one.start + 1))
    return _PLACES.get(phrase.section, phrase.section)


def _kinds_at(place: int, spans: list[tuple[Span, str]]) -> set[str]:
    return {kind for (start, end), kind in spans if start <= place < end}
