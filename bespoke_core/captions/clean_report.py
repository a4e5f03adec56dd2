"""What cleaning a data set changed, counted while the captions go by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cleaner import Cleaned

OnEntry = Callable[[str, dict[str, Any]], None]
"""Called with "diff", "repairs" or "unrepaired", and an entry of that list of the report."""


@dataclass(frozen=True)
class CleanReport:
    """What cleaning changed, or would change.

    Attributes:
        files: captions looked at.
        changed: captions whose bytes differ afterwards (a byte-order mark goes, too).
        codes_removed, codes_left: colour codes in all captions together.
        text_kept: share of the words kept, 0.0 to 1.0 (see `CleanedCaption.words`).
        repaired: colour names that were put in where a feature had no colour word.
        left_colourless: features that were asked about and stay without.
        repairs, unrepaired: each of those, as {"file", ...} (see `Repair` and `Unrepaired`), the first ones.
        diff: one {"file", "before", "after"} for each caption that changes, the first ones.
        removed_phrases: phrases that were removed because most captions say them.
        skipped: names of the files left out because they cannot be read.
        output: where the cleaned captions are; None after a dry run.
        backup: where the former captions are; None unless cleaned in place with a change.
    """

    files: int
    changed: int
    codes_removed: int
    codes_left: int
    text_kept: float
    repaired: int
    left_colourless: int
    repairs: tuple[dict[str, Any], ...]
    unrepaired: tuple[dict[str, Any], ...]
    diff: tuple[dict[str, Any], ...]
    removed_phrases: tuple[str, ...]
    skipped: tuple[str, ...]
    output: Path | None
    backup: Path | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that scripts rely on."""
        return {
            **self.summary(),
            "repairs": [dict(repair) for repair in self.repairs],
            "unrepaired": [dict(left) for left in self.unrepaired],
            "diff": [dict(entry) for entry in self.diff],
        }

    def summary(self) -> dict[str, Any]:
        """Return the JSON form without the lists that grow with the data set."""
        return {
            "files": self.files,
            "changed": self.changed,
            "codes_removed": self.codes_removed,
            "codes_left": self.codes_left,
            "text_kept": self.text_kept,
            "repaired": self.repaired,
            "left_colourless": self.left_colourless,
            "removed_phrases": list(self.removed_phrases),
            "skipped": list(self.skipped),
            "output": None if self.output is None else str(self.output),
            "backup": None if self.backup is None else str(self.backup),
        }


class CleanTally:
    """Counts what goes by, keeps the first changes, and passes all of them on."""

    def __init__(self, keep: int | None, on_entry: OnEntry | None) -> None:
        self.skipped: list[str] = []
        self._keep = keep
        self._on_entry = on_entry
        self._files = self._removed = self._left = self._words = self._words_kept = 0
        self._counts: Counter[str] = Counter()
        self._kept: dict[str, list[dict[str, Any]]] = {"diff": [], "repairs": [], "unrepaired": []}

    def add(self, cleaned: Cleaned) -> None:
        """Count one caption."""
        file, result = cleaned.item.file, cleaned.result
        self._files += 1
        self._removed += result.codes_removed
        self._left += result.codes_left
        self._words += result.words
        self._words_kept += min(result.words_kept, result.words)
        for name, entries in (("repairs", cleaned.repairs), ("unrepaired", cleaned.unrepaired)):
            for entry in entries:
                self._pass_on(name, {"file": file, **entry.to_dict()})
        if cleaned.changes:
            self._pass_on("diff", {"file": file, "before": cleaned.before, "after": result.text})

    def _pass_on(self, name: str, entry: dict[str, Any]) -> None:
        self._counts[name] += 1
        if self._keep is None or len(self._kept[name]) < self._keep:
            self._kept[name].append(entry)
        if self._on_entry is not None:
            self._on_entry(name, entry)

    def report(self, removed: tuple[str, ...], output: Path | None, backup: Path | None) -> CleanReport:
        """Return the report of all that was counted."""
        return CleanReport(
            files=self._files,
            changed=self._counts["diff"],
            codes_removed=self._removed,
            codes_left=self._left,
            text_kept=self._words_kept / self._words if self._words else 1.0,
            repaired=self._counts["repairs"],
            left_colourless=self._counts["unrepaired"],
            repairs=tuple(self._kept["repairs"]),
            unrepaired=tuple(self._kept["unrepaired"]),
            diff=tuple(self._kept["diff"]),
            removed_phrases=removed,
            skipped=tuple(self.skipped),
            output=output,
            backup=backup,
        )
