"""What is left of a phrase when its codes leave: the one rule of removal, shared by audit and clean."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .scan import BINDING, BRACKETS, TRIMMED, Group, Span, says_something

_CLOSING = "".join(BRACKETS.values())
_OPENING = "".join(BRACKETS)
_ENDING = ",.;!?:" + _CLOSING
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’"}


def removals(
    text: str, codes: Sequence[Span], groups: Sequence[Group], strays: Collection[int]
) -> list[Span]:
    """Return the spans of codes and of brackets that are hollow without codes: in order, none overlapping.

    A code takes with it the bracket beside it that has no partner, and the quotes or backslash around it.

    Args:
        text: the whole caption.
        codes: the spans of a stretch's codes, in order.
        groups: its matched brackets in the order of their closing.
        strays: its brackets without a partner.
    """
    outermost: list[Span] = []
    for span in sorted((g.start, g.end) for g in groups if g.hollow):
        if not outermost or span[0] >= outermost[-1][1]:
            outermost.append(span)
    partnerless = frozenset(strays)
    spans: list[Span] = []
    group = 0
    for start, end in codes:
        while group < len(outermost) and outermost[group][1] <= start:
            group += 1
        if group == len(outermost) or start < outermost[group][0]:
            spans.append(_with_stray(text, start, end, partnerless))
    return sorted([*outermost, *spans]) if spans else outermost


def _with_stray(text: str, start: int, end: int, strays: frozenset[int]) -> Span:
    if strays:
        before = start - 1
        while before >= 0 and text[before] in " \t":
            before -= 1
        if before in strays and text[before] in BRACKETS:
            start = before
        after = end
        while after < len(text) and text[after] in " \t":
            after += 1
        if after in strays and text[after] not in BRACKETS:
            end = after + 1
    return start, end


def residue(text: str, phrase: Span, spans: list[Span]) -> str:
    """Return the text of a phrase, given by its span, without `spans` (those of `removals` that lie in it).

    Every other character stays in its order, except the blanks and the binding punctuation that removal
    would leave dangling. Blanks before the phrase's first word stay, so that it can be written back. The
    result is empty when nothing but punctuation is left. Two words that a code held apart get a space.
    """
    if not spans:
        return _without_empty_places(text[slice(*phrase)])
    pieces: list[str] = []
    position, limit = phrase
    for start, end in _clusters(text, spans, phrase):
        if start > position:
            pieces.append(text[position:start])
        position = _join(pieces, text, max(end, position), limit)
    pieces.append(text[position:limit])
    result = "".join(pieces)
    return _without_empty_places(result) if says_something(result, 0, len(result)) else ""


def _without_empty_places(phrase: str) -> str:
    """Drop the commas inside brackets with nothing before or after them, and the blanks before commas."""
    if "," not in phrase:
        return phrase
    pieces: list[str] = []
    for part in phrase.split(","):
        if not part.strip():
            continue
        if pieces:
            pieces[-1] = pieces[-1].rstrip()
            if part.lstrip()[0] in _CLOSING or pieces[-1][-1] in _OPENING:
                part = part.lstrip()
            else:
                pieces.append(",")
        pieces.append(part)
    return "".join(pieces)


def _clusters(text: str, spans: list[Span], phrase: Span) -> list[Span]:
    """Merge spans with only binding punctuation between them; take in quotes and backslashes around."""
    merged: list[Span] = []
    for start, end in spans:
        # Two neighbours may claim the same partnerless bracket.
        if merged and (start <= merged[-1][1] or not text[merged[-1][1] : start].strip(TRIMMED)):
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    result = []
    for start, end in merged:
        before = text[start - 1] if start > phrase[0] else ""
        after = text[end] if end < phrase[1] else ""
        if before == "\\":
            start -= 1
        elif before and _QUOTES.get(before) == after:
            start, end = start - 1, end + 1
        result.append((start, end))
    return result


def _join(pieces: list[str], text: str, end: int, limit: int) -> int:
    """Mend the seam where a cluster left: trim the last of `pieces`, return where the text goes on."""
    left = pieces[-1] if pieces else ""
    right = _skip_blanks(text, end, limit)
    if left.strip() and (right == limit or text[right] in _ENDING):
        trimmed = left.rstrip(TRIMMED)
        left = pieces[-1] = trimmed or left[: len(left) - len(left.lstrip())]
        if not trimmed or left[-1] in _OPENING:
            return _skip_binding(text, right, limit)
        return right
    if not left.strip():
        return _skip_binding(text, end, limit)
    if left.rstrip()[-1] in _OPENING:
        pieces[-1] = left.rstrip()
        return _skip_binding(text, end, limit)
    if left[-1].isspace():
        return right
    if right == end:
        pieces.append(" ")
    return end


def _skip_blanks(text: str, start: int, limit: int) -> int:
    while start < limit and text[start].isspace():
        start += 1
    return start


def _skip_binding(text: str, start: int, limit: int) -> int:
    while start < limit and (text[start].isspace() or text[start] in BINDING):
        start += 1
    return start
