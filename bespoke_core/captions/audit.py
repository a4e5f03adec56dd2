"""The audit of a data set: what is wrong with its captions, each alone and all together.

Captions go by one at a time: what stays in memory is the names, a digest of each caption, and as many
findings as are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple

from .caption_file import CaptionText, first_line
from .checks import Reading, check_codes, check_colours, check_style, check_text, read_caption
from .dataset import Dataset, Item
from .duplicates import Duplicates
from .findings import SEVERITIES, Finding, finding
from .lengths import check_length, check_limit, token_counter
from .looks import Seen, look_ahead
from .phrases import PhraseCounter, check_phrases
from .problems import Problem
from .statistics import Collector, Statistics
from .style import DEFAULT_STYLE_PHRASES, normal_set
from .tally import Tally, WorstFile

__all__ = ["Audit", "WorstFile", "audit_dataset"]

_WITH_PICTURES = ("missing_caption", "orphan_caption", "two_pictures")
_DECODED = ("broken_picture", "duplicate_picture", "phantom_code", "misplaced_code")
Counter = Callable[[Sequence[str]], list[int]]
"""Counts the tokens of each of several texts."""

_ORDER = {kind: place for place, kind in enumerate(SEVERITIES)}
_TOGETHER = 256  # captions whose tokens are counted in one call, fewer where they are long
_CHARACTERS = 1 << 20


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        captions: caption files that could be read.
        codes: colour codes in their first lines, each occurrence counted.
        files_with: for each kind of finding that was looked for, the number of files with at least one; a
            kind that could not be looked for (no pictures, no tokenizer) is absent, not 0. For
            `frequent_phrase` it is the captions that say the most frequent of them.
        places: for each of those kinds, how many findings there are.
        total: how many findings there are.
        findings: the first ones, or all: by file in natural order, within a file by kind as `SEVERITIES`
            lists them, then by place; last the phrases that most captions share.
        worst: the twenty files with the weightiest findings, worst first.
        statistics: lengths, phrases and colours of the whole set.
    """

    captions: int
    codes: int
    files_with: dict[str, int]
    places: dict[str, int]
    total: int
    findings: tuple[Finding, ...]
    worst: tuple[WorstFile, ...]
    statistics: Statistics

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that scripts rely on."""
        return {
            **self.summary(),
            "findings": [found.to_dict() for found in self.findings],
        }

    def summary(self) -> dict[str, Any]:
        """Return the JSON form without the findings."""
        return {
            "captions": self.captions,
            "codes": self.codes,
            "files_with": dict(self.files_with),
            "places": dict(self.places),
            "total": self.total,
            "worst": [worst.to_dict() for worst in self.worst],
            "statistics": self.statistics.to_dict(),
        }


def audit_dataset(
    dataset: Dataset,
    *,
    trigger: str | None = None,
    style_phrases: Collection[str] = DEFAULT_STYLE_PHRASES,
    max_token_length: int = 225,
    pictures: bool = True,
    keep: int | None = None,
    on_finding: Callable[[Finding], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Audit a data set that `read_dataset` has listed, with `skip_unreadable=True`.

    Captions are read, looked at and dropped one at a time, pictures decoded a few ahead; a file that cannot
    be read is a finding.

    Args:
        dataset: what to audit.
        trigger: the phrase that names the concept, exempt from `frequent_phrase`; by default whatever
            phrases all captions begin with are exempt.
        style_phrases: what counts as boilerplate.
        max_token_length: CLIP tokens that the text encoder will see: 75, 150 or 225.
        pictures: look at the pictures; without, only their names count.
        keep: findings that the result holds, the first ones; None for all.
        on_finding: called with each finding as it is found, kept or not.
        on_progress: called with (captions done, captions in all) after each caption.

    How each kind counts is said in `checks`, `picture_checks`, `lengths`, `phrases` and `duplicates`.
    """
    styles = normal_set(style_phrases)
    limit = check_limit(max_token_length)
    counter = token_counter()
    looks = pictures and dataset.images is not None
    tally = Tally(keep, on_finding)
    phrases = PhraseCounter()
    collector = Collector(style_phrases=style_phrases, phrases=phrases)
    duplicates = Duplicates(dataset.items, pictures=looks)
    pairing = dataset.pairing_by_item()
    total = sum(item.caption_file is not None for item in dataset.items)
    done = 0
    with closing(look_ahead(dataset.items, wanted=looks)) as sights:
        for page, sight in zip(_pages(dataset.items, counter), sights, strict=True):
            item, reading = page.item, page.reading
            found = [_of_problem(one) for one in (*page.content.problems, *pairing.get(item.name, ()))]
            if reading is not None:
                collector.add(reading, sight.look, page.tokens)
                found += _check(reading, styles, page.tokens, limit)
                found += duplicates.check_caption(reading.file, reading.caption.text)
            if looks:
                found += _check_picture(item, reading, sight, duplicates)
            found.sort(key=lambda one: (_ORDER[one.finding], one.span))
            tally.add(found, item.file, item.image_path, "" if reading is None else reading.caption.text)
            done += item.caption_file is not None
            if on_progress is not None and item.caption_file is not None:
                on_progress(done, total)
    frequent = phrases.frequent(trigger=trigger, styles=styles)
    most = max((phrase.captions for phrase in frequent), default=0)
    tally.add_of_all(list(check_phrases(frequent, phrases.captions)), "frequent_phrase", most)
    return _audit(tally, collector.result(), _looked_for(dataset, looks, counter is not None))


def _audit(tally: Tally, statistics: Statistics, kinds: list[str]) -> Audit:
    return Audit(
        captions=statistics.captions,
        codes=statistics.codes,
        files_with={kind: tally.files[kind] for kind in kinds},
        places={kind: tally.places[kind] for kind in kinds},
        total=tally.places.total(),
        findings=tuple(tally.findings),
        worst=tally.worst,
        statistics=statistics,
    )


def _looked_for(dataset: Dataset, looks: bool, tokens: bool) -> list[str]:
    absent = {*(() if looks else _DECODED), *(() if dataset.images is not None else _WITH_PICTURES)}
    if not tokens:
        absent.add("over_token_limit")
    return [kind for kind in SEVERITIES if kind not in absent]


class _Page(NamedTuple):
    """An item with its caption read and parsed; no reading where it has none or cannot be read."""

    item: Item
    content: CaptionText
    reading: Reading | None
    tokens: int | None


def _pages(items: Iterable[Item], counter: Counter | None) -> Iterator[_Page]:
    """Yield the items with their captions, read some ahead, because tokens are counted faster together."""
    waiting: list[tuple[Item, CaptionText]] = []
    characters = 0
    for item in items:
        content = item.read()
        waiting.append((item, content))
        characters += len(content.text or "")
        if len(waiting) == _TOGETHER or characters > _CHARACTERS:
            yield from _parsed(waiting, counter)
            waiting.clear()
            characters = 0
    yield from _parsed(waiting, counter)


def _parsed(read: list[tuple[Item, CaptionText]], counter: Counter | None) -> Iterator[_Page]:
    lines = [first_line(content.text or "") for _, content in read]
    tokens = repeat(None) if counter is None else counter(lines)
    for (item, content), count in zip(read, tokens, strict=False):
        if content.text is None:
            yield _Page(item, content, None, None)
        else:
            yield _Page(item, content, read_caption(item.file, content.text), count)


def _check(reading: Reading, styles: frozenset[str], tokens: int | None, limit: int) -> list[Finding]:
    checks = [check_codes(reading), check_text(reading), check_style(reading, styles), check_colours(reading)]
    if tokens is not None:
        checks.append(check_length(reading, tokens, limit))
    return [one for check in checks for one in check]


def _check_picture(item: Item, reading: Reading | None, sight: Seen, duplicates: Duplicates) -> list[Finding]:
    from .picture_checks import check_picture  # late: captions alone need no arrays

    if item.image_path is None or item.image_file is None:
        return []
    found = duplicates.check_picture(item.image_path, item.image_file)
    if sight.problem is not None:
        found.append(_of_problem(sight.problem))
    if sight.look is not None and reading is not None:
        found.extend(check_picture(reading, sight.look))
    return found


def _of_problem(problem: Problem) -> Finding:
    advice = f"{problem.problem[0].upper()}{problem.problem[1:]}. {problem.remedy}"
    return finding(problem.file, problem.kind, advice)
