"""The findings of an audit, and what a cleaning changes, as text for people.

Both stay short whatever the data set: thousands of findings are counted, and some are shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..amounts import counted
from .findings import SEVERITIES, Finding
from .todo import what_to_do

if TYPE_CHECKING:
    from .audit import Audit
    from .clean_report import CleanReport
    from .statistics import Statistics

_LONGEST = 100  # characters of a text that is shown as an example
_LONGEST_LINE = 1500  # of a caption before and after
_NAMED = 20  # files or reasons that a list names

#: What each kind means, in a few words.
MEANINGS = {
    "missing_caption": "pictures without a caption",
    "orphan_caption": "captions without a picture",
    "empty_caption": "captions whose first line is empty",
    "not_utf8": "captions that are not UTF-8",
    "unreadable": "captions that cannot be read",
    "broken_picture": "pictures that cannot be decoded",
    "two_pictures": "captions with several pictures",
    "duplicate_picture": "pictures that are another one's copy",
    "duplicate_caption": "captions that are another one's copy",
    "duplicate_code": "one colour code beside several phrases",
    "shared_code": "one code for features that should differ",
    "misplaced_code": "codes of another part of the picture than their phrase names",
    "uncaptioned_code": "codes that belong to no phrase",
    "malformed_code": "codes not written one to a pair of brackets",
    "phantom_code": "codes of a colour that the picture lacks",
    "malformed_text": "stray brackets, doubled words, repeated or contradicting phrases",
    "boilerplate": "phrases that describe the style of the whole set",
    "over_token_limit": "captions longer than training reads",
    "colourless_feature": "features that no word gives a colour",
    "frequent_phrase": "phrases that most captions share",
}


def worst_files(audit: Audit, count: int = 10) -> list[tuple[str, Counter[str]]]:
    """Return the files with the weightiest findings and what each has, worst first, ties by place.

    An error weighs a hundred warnings; what is only worth knowing weighs nothing. An audit keeps twenty.
    """
    return [(one.file, Counter(found.finding for found in one.findings)) for one in audit.worst[:count]]


def audit_text(audit: Audit, *, worst: int = 10) -> str:
    """Return a Markdown report: totals, what to do, the kinds found, the worst files, an example of each.

    What comes from the data set is escaped, so that it shows as it is and never as markup.
    """
    lines = [
        "# Caption audit",
        "",
        f"{counted(audit.captions, 'caption')} with {counted(audit.codes, 'colour code')}; "
        f"{counted(audit.total, 'finding')}.",
        "",
    ]
    if not audit.total:
        return "\n".join([*lines, "Nothing to mend.", "", *_lengths(audit)])
    lines += ["## What to do first", ""]
    lines += [f"{i}. **{s.title}.** {escaped(s.text)}" for i, s in enumerate(what_to_do(audit), start=1)]
    lines += ["", "## What was found", ""]
    lines += ["| finding | files | places | severity | what it is |", "|---|---|---|---|---|"]
    lines += [
        f"| {kind} | {audit.files_with[kind]} | {audit.places[kind]} | {severity} | {MEANINGS[kind]} |"
        for kind, severity in SEVERITIES.items()
        if audit.places.get(kind)
    ]
    lines += ["", *_lengths(audit), "## Worst files", ""]
    lines += [
        f"- {quoted(name)}: " + ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
        for name, kinds in worst_files(audit, worst)
    ]
    lines += ["", "## An example of each", ""]
    lines += [_example(found) for found in _first_of_each(audit)]
    return "\n".join([*lines, ""])


def length_words(statistics: Statistics) -> str:
    """Return what the captions' lengths come to, as sentences."""
    tokens, cleaned = statistics.tokens, statistics.cleaned_tokens
    if tokens is None:
        return "No CLIP tokenizer was found on this machine, so lengths could not be told."
    windows = [
        f"{count:,} have {name.replace('-', ' to ').replace('>', 'more than ')}"
        for name, count in tokens.windows.items()
        if count
    ]
    said = (
        f"The median caption has {tokens.median:g} CLIP tokens, the longest {tokens.longest:,} "
        f"({tokens.longest_file}). Of {tokens.captions:,}, {', '.join(windows)}."
    )
    if cleaned is not None:
        some = "" if cleaned.captions == tokens.captions else f" (of the first {cleaned.captions:,})"
        said += f" After cleaning{some} the median is {cleaned.median:g} and the longest {cleaned.longest:,}."
    return said


def _lengths(audit: Audit) -> list[str]:
    return ["## How long the captions are", "", escaped(length_words(audit.statistics)), ""]


def _first_of_each(audit: Audit) -> list[Finding]:
    first: dict[str, Finding] = {}
    for found in (*audit.findings, *(one for worst in audit.worst for one in worst.findings)):
        first.setdefault(found.finding, found)
    return [first[kind] for kind in SEVERITIES if kind in first]


def _example(found: Finding) -> str:
    words = f" {quoted(found.text)}" if found.text else ""
    return f"- **{found.finding}** in {quoted(found.file)}{words}: {escaped(found.advice)}"


def clean_text(report: CleanReport, *, most: int = 20) -> str:
    """Return a Markdown report of a cleaning.

    The totals, the colours that were named and those that could not be, by reason, and the first `most`
    captions before and after.
    """
    changes = "changes" if report.changed == 1 else "change"
    lines = [
        "# Cleaned captions" if report.output else "# Captions as cleaning would change them",
        "",
        f"{report.changed} of {counted(report.files, 'caption')} {changes}; "
        f"{counted(report.codes_removed, 'colour code')} removed, {report.codes_left} left; "
        f"{report.text_kept:.1%} of the words kept.",
        "",
    ]
    frequent, skipped = report.removed_phrases, report.skipped
    lines += [f"- removed, because most captions say it: {quoted(text)}" for text in frequent[:_NAMED]]
    lines += [f"- left out: {quoted(name)} cannot be read" for name in skipped[:_NAMED]]
    lines += _and_more(len(skipped) - _NAMED, "file that cannot be read", "files that cannot be read")
    lines += [*_repairs(report), *_unrepaired(report)]
    shown = report.diff[:most]
    for entry in shown:
        lines += [f"## {escaped(entry['file'])}", "", "```diff"]
        lines += [f"- {_line(line)}" for line in entry["before"].splitlines()]
        lines += [f"+ {_line(line)}" for line in entry["after"].splitlines()]
        lines += ["```", ""]
    lines += _and_more(report.changed - len(shown), "caption", "captions")
    return "\n".join(lines)


def _repairs(report: CleanReport) -> Iterator[str]:
    if not report.repaired:
        return
    yield f"## Colours named: {report.repaired}"
    yield ""
    for (feature, reason), entries in _grouped(report.repairs)[:_NAMED]:
        names = Counter(str(entry["name"]) for entry in entries)
        listed = ", ".join(f"{name} {count}" for name, count in names.most_common(5))
        yield f"- {feature}, {len(entries)} ({escaped(listed)}): {escaped(reason)}"
    yield ""
    shown = report.repairs[:_NAMED]
    for entry in shown:
        code = f", as its code {entry['code']} says" if entry["code"] else ""
        yield f"- {quoted(entry['file'])}: {quoted(entry['phrase'])} is {escaped(entry['name'])}{code}"
    yield from _and_more(report.repaired - len(shown), "name", "names")
    yield ""


def _unrepaired(report: CleanReport) -> Iterator[str]:
    if not report.left_colourless:
        return
    yield f"## Left without a colour: {report.left_colourless}"
    yield ""
    groups = _grouped(report.unrepaired)
    for (feature, reason), entries in groups[:_NAMED]:
        example = f"{quoted(entries[0]['phrase'])} in {quoted(entries[0]['file'])}"
        yield f"- {feature}, {len(entries)}: {escaped(reason)} Such as {example}."
    yield from _and_more(len(groups) - _NAMED, "reason", "reasons")
    if len(report.unrepaired) < report.left_colourless:
        yield f"(The reasons are those of the first {len(report.unrepaired)}.)"
    yield ""


_Group = tuple[tuple[str, str], list[Mapping[str, Any]]]


def _grouped(entries: Iterable[Mapping[str, Any]]) -> list[_Group]:
    """Return the entries by feature and reason, the largest group first."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for entry in entries:
        groups.setdefault((str(entry["feature"]), str(entry["reason"])), []).append(entry)
    return sorted(groups.items(), key=lambda group: -len(group[1]))


def _and_more(count: int, one: str, many: str) -> list[str]:
    return [f"... and {counted(count, f'more {one}', f'more {many}')}."] if count > 0 else []


def quoted(text: str) -> str:
    """Return text of a data set as Markdown's code, on one line and cut short."""
    line = " ".join(text.replace("`", "'").split())
    return f"`{line if len(line) <= _LONGEST else line[: _LONGEST - 3] + '...'}`"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    line = " ".join(text.split())
    for mark in "\\|*_`<[":
        line = line.replace(mark, f"\\{mark}")
    return line


def _line(text: str) -> str:
    """Return a line of a caption for a fenced block, which the line must not end."""
    line = text.replace("```", "'" * 3)
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 3] + "..."
