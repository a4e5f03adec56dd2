"""What an audit finds: one `Finding` a place, and the names, severities and remedies of all kinds."""

from __future__ import annotations

from typing import Any, NamedTuple

#: Every kind of finding with its severity: "error" (training would fail or learn nonsense), "warning"
#: (training learns something that was not meant), "info" (worth knowing).
SEVERITIES = {
    "missing_caption": "error",
    "orphan_caption": "error",
    "empty_caption": "error",
    "not_utf8": "error",
    "unreadable": "error",
    "broken_picture": "error",
    "two_pictures": "error",
    "duplicate_picture": "warning",
    "duplicate_caption": "warning",
    "duplicate_code": "warning",
    "shared_code": "warning",
    "misplaced_code": "warning",
    "uncaptioned_code": "warning",
    "malformed_code": "warning",
    "phantom_code": "warning",
    "malformed_text": "warning",
    "boilerplate": "warning",
    "colourless_feature": "warning",
    "frequent_phrase": "info",
    "over_token_limit": "warning",
}


class Finding(NamedTuple):
    """One thing that an audit found (a NamedTuple because a data set has hundreds of thousands).

    Attributes:
        file: the caption's or picture's file name.
        finding: its kind, a key of `SEVERITIES`.
        span: character offsets in the caption; (0, 0) where the file as a whole is meant.
        text: the words or the code at fault; empty where the file as a whole is meant.
        severity: "error", "warning" or "info".
        advice: what it means and what to do, as a sentence.
    """

    file: str
    finding: str
    span: tuple[int, int]
    text: str
    severity: str
    advice: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; the span is a list of two."""
        return {
            "file": self.file,
            "finding": self.finding,
            "span": list(self.span),
            "text": self.text,
            "severity": self.severity,
            "advice": self.advice,
        }


def finding(file: str, kind: str, advice: str, *, span: tuple[int, int] = (0, 0), text: str = "") -> Finding:
    """Return a finding of a known kind with that kind's severity."""
    return Finding(file, kind, span, text, SEVERITIES[kind], advice)
