"""The audit of a data set: what is wrong with its captions, each alone and all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import sha256_of_file
from .checks import Reading, check_codes, check_colours, check_style, check_text, read_caption
from .dataset import Dataset
from .findings import SEVERITIES, Finding, finding
from .style import DEFAULT_STYLE_PHRASES, normal_form, normal_set

_FREQUENT = 0.8
_FEW = 5  # with fewer captions "most of them" says nothing
_WITH_PICTURES = ("missing_caption", "orphan_caption", "two_pictures", "duplicate_picture", "phantom_code")
_DECODED = ("broken_picture",)


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        captions: caption files that could be read.
        codes: colour codes in their first lines, each occurrence counted.
        files_with: for each kind of finding that was looked for, the number of files with at least one; a
            kind that could not be looked for (no pictures) is absent, not 0.
        findings: by file in natural order, within a file by kind as `SEVERITIES` lists them, then by place.
    """

    captions: int
    codes: int
    files_with: dict[str, int]
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that scripts rely on."""
        return {
            "captions": self.captions,
            "codes": self.codes,
            "files_with": dict(self.files_with),
            "findings": [found.to_dict() for found in self.findings],
        }


def audit_dataset(
    dataset: Dataset,
    *,
    trigger: str | None = None,
    style_phrases: Collection[str] = DEFAULT_STYLE_PHRASES,
    on_progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Audit a data set that `read_dataset` has read.

    Args:
        dataset: read with `skip_unreadable=True` to have unreadable files among the findings, and with
            `check_pictures=True` to have broken pictures among them.
        trigger: the phrase that names the concept, exempt from `frequent_phrase`; by default whatever
            phrases all captions begin with are exempt.
        style_phrases: what counts as boilerplate.
        on_progress: called with (captions done, captions in all) after each caption.

    How each kind counts is said in `checks`, in `pixels` and in the functions below.
    """
    styles = normal_set(style_phrases)
    found: list[Finding] = []
    readings: list[Reading] = []
    items = dataset.captions
    broken = {problem.path for problem in dataset.problems if problem.kind == "broken_picture"}
    for done, item in enumerate(items, start=1):
        assert item.caption_path is not None and item.text is not None
        reading = read_caption(item.caption_path.name, item.text)
        readings.append(reading)
        found.extend(check_codes(reading))
        found.extend(check_text(reading))
        found.extend(check_style(reading, styles))
        found.extend(check_colours(reading))
        if item.image_path is not None and item.image_path not in broken:
            found.extend(_check_pixels(reading, item.image_path))
        if on_progress is not None:
            on_progress(done, len(items))
    found.extend(frequent_phrases(readings, trigger=trigger, styles=styles))
    found.extend(duplicate_captions(readings))
    found.extend(duplicate_pictures(dataset))
    found.extend(_from_problems(dataset))
    looked_for = [kind for kind in SEVERITIES if _can_look_for(kind, dataset)]
    return Audit(
        captions=len(items),
        codes=sum(len(reading.caption.codes) for reading in readings),
        files_with=_files_with(found, looked_for),
        findings=tuple(_in_order(found, dataset)),
    )


def _check_pixels(reading: Reading, picture: Path) -> Iterable[Finding]:
    from .pixels import check_pixels  # late: captions alone need no arrays

    return check_pixels(reading, picture)


def _can_look_for(kind: str, dataset: Dataset) -> bool:
    if kind in _DECODED:
        return dataset.pictures_checked
    return dataset.images is not None or kind not in _WITH_PICTURES


def frequent_phrases(
    readings: Sequence[Reading], *, trigger: str | None, styles: frozenset[str]
) -> Iterable[Finding]:
    """Find `frequent_phrase`: one finding for each caption that holds a phrase which most captions hold.

    "Most" is 80 % of the captions. Phrases are compared without codes, case and surrounding punctuation.
    Exempt are the style phrases (they are `boilerplate`), the trigger, and the phrases that all captions
    begin with. Sets of fewer than five captions are not asked.
    """
    if len(readings) < _FEW:
        return
    counts = Counter(form for reading in readings for form in {part.form for part in reading.parts})
    exempt = styles | _common_beginning(readings) | {normal_form(trigger or "")}
    frequent = {
        form for form, count in counts.items() if count >= _FREQUENT * len(readings) and form not in exempt
    }
    for reading in readings:
        for part in reading.parts if frequent else ():
            if part.form in frequent:
                advice = (
                    f"{counts[part.form]} of {len(readings)} captions say this; training binds it to "
                    "everything. Say what differs, or remove it."
                )
                yield finding(reading.file, "frequent_phrase", advice, span=part.span, text=part.text)


def _common_beginning(readings: Sequence[Reading]) -> set[str]:
    shortest = min(len(reading.parts) for reading in readings)
    common = set()
    for place in range(shortest):
        forms = {reading.parts[place].form for reading in readings}
        if len(forms) > 1:
            break
        common |= forms
    return common


def duplicate_captions(readings: Iterable[Reading]) -> Iterable[Finding]:
    """Find `duplicate_caption`: one finding for each caption whose first line an earlier file has, too.

    Surrounding blanks do not matter; empty captions are not compared.
    """
    seen: dict[str, str] = {}
    for reading in readings:
        text = reading.caption.text.strip()
        if text and text in seen:
            advice = f"{seen[text]} has the same caption. Say what differs, or remove one of the pictures."
            yield finding(reading.file, "duplicate_caption", advice)
        seen.setdefault(text, reading.file)


def duplicate_pictures(dataset: Dataset) -> Iterable[Finding]:
    """Find `duplicate_picture`: one finding for each picture file whose bytes an earlier file has, too.

    Only files of equal size are read.
    """
    by_size: dict[int, list[Any]] = {}
    for item in dataset.items:
        if item.image_path is not None:
            by_size.setdefault(item.image_path.stat().st_size, []).append(item.image_path)
    for paths in by_size.values():
        seen: dict[str, str] = {}
        for path in paths if len(paths) > 1 else ():
            digest = sha256_of_file(path)
            if digest in seen:
                advice = f"{seen[digest]} is the same file. Remove one of them with its caption."
                yield finding(path.name, "duplicate_picture", advice)
            seen.setdefault(digest, path.name)


def _from_problems(dataset: Dataset) -> Iterable[Finding]:
    for problem in dataset.problems:
        advice = f"{problem.problem[0].upper()}{problem.problem[1:]}. {problem.remedy}"
        yield finding(problem.path.name, problem.kind, advice)


def _files_with(found: Iterable[Finding], kinds: Iterable[str]) -> dict[str, int]:
    files: dict[str, set[str]] = {kind: set() for kind in kinds}
    for one in found:
        files.setdefault(one.finding, set()).add(one.file)
    return {kind: len(names) for kind, names in files.items()}


def _in_order(found: Iterable[Finding], dataset: Dataset) -> list[Finding]:
    rank: dict[str, int] = {}
    for place, item in enumerate(dataset.items):
        for path in (item.caption_path, item.image_path):
            if path is not None:
                rank[path.name] = place
    kinds = {kind: place for place, kind in enumerate(SEVERITIES)}
    return sorted(found, key=lambda one: (rank.get(one.file, len(rank)), kinds[one.finding], one.span))
