"""What changed between two texts, word by word, for people to read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

_WORD = re.compile(r"\s+|\w+|[^\w\s]")
_MOST_WORDS = 3000  # comparing takes the square of it at worst; no caption that training reads is so long

KEPT, REMOVED, INSERTED = " ", "-", "+"


def word_diff(before: str, after: str) -> list[tuple[str, str]]:
    """Return the runs that lead from `before` to `after`, each as (mark, text).

    The mark is " " for what both have, "-" for what only `before` has and "+" for what only `after` has. The
    texts of " " and "-" together are `before`, those of " " and "+" together are `after`; neighbouring runs
    have different marks, and no text is empty. Texts of more than 3,000 words are not compared: they are one
    removed and one inserted run, when they differ.
    """
    if before == after:
        return [(KEPT, before)] if before else []
    old, new = _WORD.findall(before), _WORD.findall(after)
    if max(len(old), len(new)) > _MOST_WORDS:
        return [run for run in ((REMOVED, before), (INSERTED, after)) if run[1]]
    return [run for run in _runs(old, new) if run[1]]


def _runs(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    # blanks only count beside words that match: else a blank is kept and the comma beside it is not
    matcher = SequenceMatcher(str.isspace, old, new, autojunk=False)
    for change, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if change == "equal":
            yield KEPT, "".join(old[old_start:old_end])
        else:
            yield REMOVED, "".join(old[old_start:old_end])
            yield INSERTED, "".join(new[new_start:new_end])
