"""The findings of an audit, and what a cleaning changes, as text for people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .findings import SEVERITIES, Finding

if TYPE_CHECKING:
    from .audit import Audit
    from .clean_dataset import CleanReport

_WEIGHTS = {"error": 100, "warning": 1, "info": 0}

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
    "malformed_text": "brackets without a partner, doubled words, repeated phrases",
    "boilerplate": "phrases that describe the style of the whole set",
    "over_token_limit": "captions longer than training reads",
    "colourless_feature": "features that no word gives a colour",
    "frequent_phrase": "phrases that most captions share",
}


def worst_files(audit: Audit, count: int = 10) -> list[tuple[str, Counter[str]]]:
    """Return the files with the weightiest findings and what each has, worst first, ties by name.

    An error weighs a hundred warnings; what is only worth knowing weighs nothing.
    """
    weights: Counter[str] = Counter()
    kinds: dict[str, Counter[str]] = {}
    for found in audit.findings:
        weights[found.file] += _WEIGHTS[found.severity]
        kinds.setdefault(found.file, Counter())[found.finding] += 1
    ranked = sorted((name for name in weights if weights[name]), key=lambda name: (-weights[name], name))
    return [(name, kinds[name]) for name in ranked[:count]]


def audit_text(audit: Audit, *, worst: int = 10) -> str:
    """Return a Markdown report: totals, a table of the kinds found, the worst files, one example of each."""
    lines = [
        "# Caption audit",
        "",
        f"{audit.captions} captions with {audit.codes} colour codes; {len(audit.findings)} findings.",
        "",
    ]
    if not audit.findings:
        return "\n".join([*lines, "Nothing to mend.", ""])
    counts = Counter(found.finding for found in audit.findings)
    lines += ["| finding | files | places | severity | what it is |", "|---|---|---|---|---|"]
    lines += [
        f"| {kind} | {audit.files_with[kind]} | {counts[kind]} | {severity} | {MEANINGS[kind]} |"
        for kind, severity in SEVERITIES.items()
        if counts[kind]
    ]
    lines += ["", "## Worst files", ""]
    lines += [
        f"- `{name}`: " + ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
        for name, kinds in worst_files(audit, worst)
    ]
    lines += ["", "## An example of each", ""]
    lines += [_example(found) for found in _first_of_each(audit)]
    return "\n".join([*lines, ""])


def clean_text(report: CleanReport, *, most: int = 50) -> str:
    """Return a Markdown report of a cleaning: the totals, and before and after of the first `most` files."""
    lines = [
        "# Cleaned captions" if report.output else "# Captions as cleaning would change them",
        "",
        f"{report.changed} of {report.files} captions change; {report.codes_removed} colour codes removed, "
        f"{report.codes_left} left; {report.text_kept:.1%} of the words kept.",
        "",
    ]
    lines += [f"- left out: `{name}` cannot be read" for name in report.skipped]
    for entry in report.diff[:most]:
        lines += [f"## {entry['file']}", "", "```diff"]
        lines += [f"- {line}" for line in entry["before"].splitlines()]
        lines += [f"+ {line}" for line in entry["after"].splitlines()]
        lines += ["```", ""]
    if len(report.diff) > most:
        lines.append(f"... and {len(report.diff) - most} more.")
    return "\n".join(lines)


def _first_of_each(audit: Audit) -> list[Finding]:
    first: dict[str, Finding] = {}
    for found in audit.findings:
        first.setdefault(found.finding, found)
    return [first[kind] for kind in SEVERITIES if kind in first]


def _example(found: Finding) -> str:
    text = found.text if len(found.text) <= 80 else found.text[:77] + "..."
    quoted = f" `{text.replace('`', '')}`" if text else ""
    return f"- **{found.finding}** in `{found.file}`{quoted}: {found.advice}"
