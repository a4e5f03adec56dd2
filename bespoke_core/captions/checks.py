"""What an audit looks for in one caption; each check says in its docstring how it counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

from .dataset import first_line
from .features import COLOURED_FEATURES, feature_of, names_colour, should_differ, words_of
from .findings import Finding, finding
from .parse import Caption, Phrase, parse
from .residue import removals, residue
from .scan import Span
from .style import normal_form

_NAMED = 5  # phrases that one piece of advice names


@dataclass(frozen=True)
class Part:
    """One descriptive phrase of a caption, its codes left out.

    Attributes:
        index: the phrase's index in `Caption.phrases`.
        span: where its words and codes stand, surrounding blanks left out.
        text: its words as written.
        form: its words as they are compared.
        words: its words in lower case.
        feature: the feature that it is about, if any.
    """

    index: int
    span: Span
    text: str
    form: str
    words: tuple[str, ...]
    feature: str | None


@dataclass(frozen=True)
class Reading:
    """A caption's first line, parsed and with its descriptive phrases singled out."""

    file: str
    caption: Caption
    parts: tuple[Part, ...]
    more_lines: bool

    @property
    def features(self) -> dict[int, str]:
        """The features by the index of the phrase that is about them."""
        return {part.index: part.feature for part in self.parts if part.feature is not None}


def read_caption(file: str, text: str) -> Reading:
    """Parse the line of a caption file that training reads; spans stay offsets into the whole file."""
    line = first_line(text)
    caption = parse(line)
    spans = removals(caption)
    parts = []
    first = 0
    for index, phrase in enumerate(caption.phrases):
        last = first
        while last < len(spans) and spans[last][0] < phrase.end:
            last += 1
        if not phrase.bare and phrase.section in ("text", "tail"):
            rest = residue(caption, phrase, spans[first:last]).strip()
            form = normal_form(rest)
            if form:
                words = tuple(words_of(rest))
                feature = feature_of(words) if phrase.section == "text" else None
                parts.append(Part(index, _trimmed(line, phrase), rest, form, words, feature))
        first = last
    return Reading(file, caption, tuple(parts), bool(text[len(line) :].strip()))


def _trimmed(text: str, phrase: Phrase) -> Span:
    piece = text[phrase.start : phrase.end]
    start = phrase.start + len(piece) - len(piece.lstrip())
    return start, start + len(piece.strip())


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
    for code in reading.caption.codes:
        phrases = owners.setdefault(code.hex, [])
        if code.phrase is not None and code.phrase not in phrases[-1:]:
            phrases.append(code.phrase)
        if code.phrase is not None and len(phrases) == 1:
            first[code.hex] = (code.start, code.end)
        first.setdefault(code.hex, (code.start, code.end))
        if code.form != "regular":
            yield _found(reading, "malformed_code", (code.start, code.end), _MALFORMED[code.form])
    features = reading.features
    names = {part.index: part.text for part in reading.parts}
    for value, phrases in owners.items():
        if len(phrases) >= 2:
            listed = ", ".join(f'"{names.get(index, value)}"' for index in phrases[:_NAMED])
            listed += ", ..." if len(phrases) > _NAMED else ""
            advice = f"The code stands beside {len(phrases)} phrases: {listed}. Remove it by cleaning."
            yield _found(reading, "duplicate_code", first[value], advice)
            alike = _alike([features[index] for index in phrases if index in features])
            if alike:
                advice = (
                    f"{alike[0]} and {alike[1]} seldom have one colour; one of them is bound to a wrong one."
                )
                yield _found(reading, "shared_code", first[value], advice.capitalize())
        elif not phrases:
            advice = "No phrase says what has this colour. Remove the code by cleaning."
            yield _found(reading, "uncaptioned_code", first[value], advice)


_MALFORMED = {
    "list": "Several codes share one pair of brackets. Remove them by cleaning.",
    "prose": "The code stands among words. Remove it by cleaning.",
    "unclosed": "A bracket beside the code is missing. Remove the code by cleaning.",
    "digits": "A code has six hexadecimal digits and a blank after it. Correct it, or remove it by cleaning.",
}


def _alike(features: list[str]) -> tuple[str, str] | None:
    pairs = combinations(dict.fromkeys(features), 2)
    return next((pair for pair in pairs if should_differ(*pair)), None)


def check_text(reading: Reading) -> Iterator[Finding]:
    """Find `malformed_text`: brackets without a partner, doubled words, repeated phrases, rival phrases.

    One finding for each bracket; each word that directly repeats the one before it in the same phrase; each
    phrase that repeats an earlier one, codes, case and blanks aside; each further phrase that ends with
    "background", "skin" or "eyes" when an earlier, different one does; and each file with a second line.
    """
    caption = reading.caption
    for position in caption.strays:
        advice = "The bracket has no partner. Add the other one, or remove it."
        yield _found(reading, "malformed_text", (position, position + 1), advice)
    seen: set[str] = set()
    rivals: dict[str, str] = {}
    for part in reading.parts:
        words = part.text.casefold().split()
        for one, other in pairwise(words):
            if one == other and one.isalnum():
                yield _found(reading, "malformed_text", part.span, f'The word "{one}" is doubled. Keep one.')
        if part.form in seen:
            yield _found(reading, "malformed_text", part.span, "The phrase is repeated. Keep one.")
            continue
        seen.add(part.form)
        noun = part.words[-1] if part.words else ""
        if noun in ("background", "skin", "eyes"):
            if noun in rivals:
                advice = (
                    f'There are two phrases for {noun}: "{rivals[noun]}" is the other. Keep the true one.'
                )
                yield _found(reading, "malformed_text", part.span, advice)
            rivals.setdefault(noun, part.text)
    if reading.more_lines:
        end = len(caption.text)
        advice = "Training reads only the first line. Join the lines, or remove the others."
        yield finding(reading.file, "malformed_text", advice, span=(end, end))


def check_style(reading: Reading, styles: frozenset[str]) -> Iterator[Finding]:
    """Find `boilerplate`: one finding for each phrase of the style list, wherever it stands."""
    for part in reading.parts:
        if part.form in styles:
            advice = "The phrase says nothing about this picture. Remove it by cleaning."
            yield _found(reading, "boilerplate", part.span, advice)


def check_colours(reading: Reading) -> Iterator[Finding]:
    """Find `colourless_feature`: one finding a feature that no phrase of the caption names a hue for.

    Only the features that nearly every portrait shows are asked for: background, hair, skin, eyes, clothing
    and hat. A code does not count as a hue, because cleaning removes it; "light" and "dark" are none.
    """
    coloured: dict[str, bool] = {}
    first: dict[str, Part] = {}
    for part in reading.parts:
        if part.feature in COLOURED_FEATURES:
            coloured[part.feature] = coloured.get(part.feature, False) or names_colour(part.words)
            first.setdefault(part.feature, part)
    for feature, has in coloured.items():
        if not has:
            codes = reading.caption.codes_of(reading.caption.phrases[first[feature].index])
            later = " once its code is removed" if codes else ""
            advice = f"No word says the colour of the {feature}{later}. Name it."
            yield _found(reading, "colourless_feature", first[feature].span, advice)


def _found(reading: Reading, kind: str, span: Span, advice: str) -> Finding:
    return finding(reading.file, kind, advice, span=span, text=reading.caption.text[span[0] : span[1]])
