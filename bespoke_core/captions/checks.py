"""What an audit looks for in one caption; each check says in its docstring how it counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations

from .features import COLOURED_FEATURES, should_differ
from .findings import SEVERITIES, Finding, finding
from .reading import Part, Reading, read_caption
from .scan import Span
from .wording import Wording

__all__ = [
    "Part",
    "Reading",
    "check_codes",
    "check_colours",
    "check_style",
    "check_text",
    "read_caption",
]

_new = tuple.__new__  # several times faster than calling the NamedTuple
_TOKEN = re.compile(r"\S+")
_LONGEST = 80  # characters of a phrase that advice names
_NAMED = 5  # phrases that one piece of advice names


def check_codes(reading: Reading) -> Iterator[Finding]:
    """Find duplicate, shared, uncaptioned and malformed codes.

    - `duplicate_code`: one finding for every distinct code that belongs to two or more phrases, at its
      first place. Case does not matter.
    - `shared_code`: besides, where two of those phrases are about features that seldom look alike.
    - `uncaptioned_code`: one finding for every distinct code that belongs to no phrase (it stands only in
      the `palette:` section, in the tail, or alone between two commas), at its first place.
    - `malformed_code`: one finding for every code, wherever it stands, that is not six digits alone in one
      pair of brackets (in the palette section and the tail: not six digits).
    """
    owners: dict[str, list[int]] = {}
    first: dict[str, Span] = {}
    loose: dict[str, Span] = {}
    for start, end, value, phrase, form in reading.caption.codes:
        if form != "regular":
            yield _found(reading, "malformed_code", (start, end), _MALFORMED[form])
        if phrase is None:
            if value not in loose:
                loose[value] = (start, end)
        elif value not in owners:
            owners[value] = [phrase]
            first[value] = (start, end)
        elif phrase != owners[value][-1]:
            owners[value].append(phrase)
    for value, phrases in owners.items():
        if len(phrases) > 1:
            yield from _shared(reading, value, first[value], phrases)
    file, text, severity = reading.file, reading.caption.text, SEVERITIES["uncaptioned_code"]
    for value, span in loose.items():  # by far the most findings of a caption
        if value not in owners:
            place = (file, "uncaptioned_code", span, text[span[0] : span[1]], severity, _UNCAPTIONED)
            yield _new(Finding, place)


def _shared(reading: Reading, value: str, span: Span, phrases: list[int]) -> Iterator[Finding]:
    """Find what is wrong with a code that belongs to several phrases."""
    wordings = [reading.caption.phrases[index].wording for index in phrases]
    listed = '", "'.join([_short(wording.text) if wording.form else value for wording in wordings[:_NAMED]])
    more = ", ..." if len(phrases) > _NAMED else ""
    advice = f'The code stands beside {len(phrases)} phrases: "{listed}"{more}. Remove it by cleaning.'
    yield _found(reading, "duplicate_code", span, advice)
    binding = _wrong_binding(tuple([wording.feature for wording in wordings]))
    if binding is not None:
        yield _found(reading, "shared_code", span, binding)


@lru_cache(1024)
def _wrong_binding(features: tuple[str | None, ...]) -> str | None:
    """Return the advice on features with one code that seldom look alike; None where they all may."""
    for one, other in combinations(dict.fromkeys(filter(None, features)), 2):
        if should_differ(one, other):
            advice = f"{one} and {other} seldom have one colour; one of them is bound to a wrong one."
            return advice.capitalize()
    return None


_UNCAPTIONED = "No phrase says what has this colour. Remove the code by cleaning."
_MALFORMED = {
    "list": "Several codes share one pair of brackets. Remove them by cleaning.",
    "prose": "The code stands among words. Remove it by cleaning.",
    "unclosed": "A bracket beside the code is missing. Remove the code by cleaning.",
    "digits": "A code has six hexadecimal digits and a blank after it. Correct it, or remove it by cleaning.",
}


def check_text(reading: Reading) -> Iterator[Finding]:
    """Find `malformed_text`: brackets without a partner, doubled words, repeated phrases, rival phrases.

    One finding for each bracket; each word that directly repeats the one before it in the same phrase; each
    phrase that repeats an earlier one, codes, case, blanks and a leading "wearing" aside; each further phrase
    that ends with "background", "hair", "skin", "eyes" or "lips" and says a hue when an earlier, different
    one does; and each file with a second line.
    """
    caption = reading.caption
    for position in caption.strays:
        advice = "The bracket has no partner. Add the other one, or remove it."
        yield _found(reading, "malformed_text", (position, position + 1), advice)
    seen: dict[str, str] = {}
    rivals: dict[str, str] = {}
    for _, span, wording, _ in reading.parts:
        for place, word in _doubled(caption.text, span, wording) if wording.doubled else ():
            yield _found(reading, "malformed_text", place, f'The word "{word}" is doubled. Keep one.')
        form = wording.form.removeprefix("wearing ")
        if form in seen:
            but = "" if wording.form == seen[form] else ' but for the word "wearing"'
            yield _found(reading, "malformed_text", span, f"The phrase is repeated{but}. Keep one.")
            continue
        seen[form] = wording.form
        feature = wording.claims
        if feature in rivals:
            rival = rivals[feature]
            advice = (
                f'There are two phrases for {feature}: "{_short(rival)}" is the other. Keep the true one.'
            )
            yield _found(reading, "malformed_text", span, advice)
        elif feature is not None:
            rivals[feature] = wording.text
    if reading.more_lines:
        end = len(caption.text)
        advice = "Training reads only the first line. Join the lines, or remove the others."
        yield finding(reading.file, "malformed_text", advice, span=(end, end))


def _doubled(text: str, span: Span, wording: Wording) -> Iterator[tuple[Span, str]]:
    """Yield where a word of a phrase stands twice, codes between them or not, and the word."""
    found = False
    before: re.Match[str] | None = None
    for token in _TOKEN.finditer(text, *span):
        if "#" in token[0]:
            continue
        word = token[0].casefold()
        if before is not None and word == before[0].casefold() and word.isalnum():
            found = True
            yield (before.start(), token.end()), word
        before = token
    if not found:  # a code is glued to one of them
        yield span, wording.doubled[0]


def _short(phrase: str) -> str:
    """Return a phrase as advice names it, so that a long one is not written out time and again."""
    return phrase if len(phrase) <= _LONGEST else phrase[: _LONGEST - 3].rstrip() + "..."


def check_style(reading: Reading, styles: frozenset[str]) -> Iterator[Finding]:
    """Find `boilerplate`: one finding for each phrase of the style list, wherever it stands."""
    for part in reading.parts:
        if part.wording.form in styles:
            advice = "The phrase says nothing about this picture. Remove it by cleaning."
            yield _found(reading, "boilerplate", part.span, advice)


def check_colours(reading: Reading) -> Iterator[Finding]:
    """Find `colourless_feature`: one finding a feature that no phrase of the caption names a hue for.

    In a phrase with several features ("brown hair and a blue shirt") each has its own hue, or none.

    Only the features that nearly every portrait shows are asked for: background, hair, skin, eyes, clothing
    and hat. A code does not count as a hue, because cleaning removes it; "light" and "dark" are none.
    """
    for feature, part in colourless_features(reading).items():
        codes = reading.caption.codes_of(reading.caption.phrases[part.index])
        later = " once its code is removed" if codes else ""
        advice = f"No word says the colour of the {feature}{later}. Name it."
        yield _found(reading, "colourless_feature", part.span, advice)


def colourless_features(reading: Reading) -> dict[str, Part]:
    """Return the features that no phrase names a hue for, each with the first phrase that speaks of it."""
    coloured: set[str] = set()
    first: dict[str, Part] = {}
    for part in reading.parts:
        if part.feature is None:  # nothing is asked of the tail
            continue
        for feature, has in part.wording.mentions:
            if feature in COLOURED_FEATURES:
                first.setdefault(feature, part)
                if has:
                    coloured.add(feature)
    return {feature: part for feature, part in first.items() if feature not in coloured}


def _found(reading: Reading, kind: str, span: Span, advice: str) -> Finding:
    start, end = span
    place = (reading.file, kind, span, reading.caption.text[start:end], SEVERITIES[kind], advice)
    return _new(Finding, place)
