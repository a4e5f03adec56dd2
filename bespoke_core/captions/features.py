"""Which feature of a portrait a phrase is about, and whether it says a colour; plain word lists, no model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..color.words import color_words

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")

#: A feature and the nouns that name it.
FEATURE_NOUNS = {
    "background": ("background", "backdrop", "bg"),
    "hair": ("hair", "afro", "dreads", "dreadlocks", "braids", "mohawk", "ponytail", "pigtails"),
    "skin": ("skin",),
    "eyes": ("eyes", "eye"),
    "lips": ("lips", "lipstick", "mouth"),
    "beard": ("beard", "mustache", "moustache", "goatee"),
    "hat": ("hat", "cap", "beanie", "crown", "headband", "bandana", "helmet", "bow"),
    "glasses": ("glasses", "sunglasses", "shades", "goggles"),
    "earrings": ("earrings", "earring"),
    "clothing": (
        *("clothing", "clothes", "shirt", "tshirt", "jacket", "hoodie", "suit", "dress", "sweater"),
        *("blouse", "coat", "vest", "blazer", "jersey", "tie", "scarf", "wetsuit", "outfit", "uniform"),
    ),
}
_FEATURE_OF_NOUN = {noun: feature for feature, nouns in FEATURE_NOUNS.items() for noun in nouns}

# Features that are asked for a colour: those that every portrait shows or that a noun alone leaves open.
COLOURED_FEATURES = frozenset({"background", "hair", "skin", "eyes", "clothing", "hat"})

#: Words that say a hue (grays and hair's own colours included); "light" and "dark" alone say none.
COLOUR_WORDS = color_words()

_BASIC = re.compile(r"black|blue|brown|gr[ae]y|green|orange|pink|purple|white|yellow")

# Pairs of features that have different colours in nearly every picture. Hair, eyes and beard may well share
# one, and so may lips and skin.
_SELDOM_ALIKE = frozenset(
    frozenset(pair)
    for pair in (
        *(("background", feature) for feature in FEATURE_NOUNS if feature != "background"),
        *(("skin", feature) for feature in ("hair", "eyes", "beard", "glasses", "hat", "clothing")),
        ("clothing", "hair"),
        ("clothing", "eyes"),
        ("lips", "hair"),
        ("lips", "eyes"),
    )
)
_COVERINGS = """
bandana beanie beret bonnet bow bucket cap cowboy crown durag fedora flower flowers halo hat headband
headphones headset headwrap helmet hijab hood hoodie horns mask scarf tiara turban veil visor wig wrap
"""
#: Words for what covers hair, so that it cannot be seen or told from it.
COVERS_HAIR = frozenset(_COVERINGS.split())
_PREPOSITIONS = frozenset({"in", "on", "over", "behind", "with", "and", "under", "at", "of", "to"})
# Words at which the description of one feature ends and the next one's begins.
_JOINTS = frozenset(
    {"and", "with", "wearing", "in", "on", "over", "under", "behind", "against", "but", "has"}
)
_IS = frozenset({"is", "are"})
_SENTENCE_END = re.compile(r"[.;!?]\s")


class Mention(NamedTuple):
    """A feature that a phrase speaks of, and whether it says a hue for it."""

    feature: str
    coloured: bool


def words_of(phrase: str) -> list[str]:
    """Return the words of a phrase in lower case, without digits and punctuation."""
    return _WORD.findall(phrase.casefold())


def feature_of(words: Sequence[str]) -> str | None:
    """Return the feature that a phrase is about, or None.

    It is the one that the phrase ends with ("medium light brown eyes"), else the first that is named and
    does not follow a preposition ("ombre hair that is dark brown" is about hair, "bow in hair" is not).
    """
    if not words:
        return None
    last = len(words) - 1
    for index in (last, *range(last)):
        if words[index] in _FEATURE_OF_NOUN and (index == 0 or words[index - 1] not in _PREPOSITIONS):
            return _feature_at(words, index)
    return None


def _feature_at(words: Sequence[str], index: int) -> str | None:
    """Return the feature that one word names, after a preposition or not; "facial hair" is a beard."""
    feature = _FEATURE_OF_NOUN.get(words[index])
    return "beard" if feature == "hair" and index > 0 and words[index - 1] == "facial" else feature


def mentions_of(phrase: str, words: Sequence[str]) -> tuple[Mention, ...]:
    """Return every feature that a phrase speaks of, each with whether a hue is said for it.

    Args:
        phrase: as written.
        words: what `words_of` makes of it.

    In "brown hair and a blue shirt" each noun has its own colour word: the words before it, back to the noun
    before or to "and", "with", "wearing" and the like. What follows the last noun of a sentence, or "is",
    describes the noun before. A noun joined to another by a mere "and" shares its colour ("brown hair and
    eyes"). A phrase with one feature has its hue anywhere.
    """
    if _FEATURE_OF_NOUN.keys().isdisjoint(words):
        return ()
    return tuple([Mention(feature, names_colour(own)) for feature, own in descriptions_of(phrase, words)])


def descriptions_of(phrase: str, words: Sequence[str] | None = None) -> list[tuple[str, Sequence[str]]]:
    """Return every feature that a phrase speaks of with the words that describe it; see `mentions_of`."""
    words = words_of(phrase) if words is None else words
    nouns = [index for index, word in enumerate(words) if word in _FEATURE_OF_NOUN]
    if len(nouns) < 2:  # nearly always
        named = [_feature_at(words, index) for index in nouns if _is_named(words, index)]
        return [(feature, words) for feature in named if feature is not None]
    sentences = [words_of(sentence) for sentence in _SENTENCE_END.split(phrase)]
    found = [description for words in sentences for description in _described(words)]
    if len({feature for feature, _ in found}) == 1:
        return [(found[0][0], [word for words in sentences for word in words])]
    descriptions: list[tuple[str, Sequence[str]]] = []
    for feature, words in found:
        shared = bool(descriptions) and words == ["and"]
        descriptions.append((feature, descriptions[-1][1] if shared else words))
    return descriptions


def _described(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the features that a sentence names, each with the words that describe it."""
    nouns = [
        (index, feature)
        for index in range(len(words))
        if (feature := _feature_at(words, index)) is not None and _is_named(words, index)
    ]
    start = 0
    for place, (index, feature) in enumerate(nouns):
        own = words[start:index]
        is_last = place + 1 == len(nouns)
        until = len(words) if is_last else nouns[place + 1][0]
        start = until if is_last else _where_next_begins(words, index + 1, until)
        yield feature, own + words[index + 1 : start]


def _is_named(words: Sequence[str], index: int) -> bool:
    """Return whether a noun is spoken of, rather than only where something is ("bow in hair")."""
    return index == 0 or words[index - 1] == "and" or words[index - 1] not in _PREPOSITIONS


def _where_next_begins(words: list[str], start: int, end: int) -> int:
    """Return where, in the words between two nouns, the description of the second one begins."""
    joints = [index for index in range(start, end) if words[index] in _JOINTS]
    if joints:
        return joints[-1]
    return end if start < end and words[start] in _IS else start


def names_colour(words: Sequence[str]) -> bool:
    """Return whether a phrase says a hue in words, run together with another word or not ("bluegreen")."""
    return not COLOUR_WORDS.isdisjoint(words) or _BASIC.search(" ".join(words)) is not None


def should_differ(one: str, other: str) -> bool:
    """Return whether two features seldom have the same colour."""
    return frozenset((one, other)) in _SELDOM_ALIKE
