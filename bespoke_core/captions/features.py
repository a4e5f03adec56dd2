"""Which feature of a portrait a phrase is about, and whether it says a colour; plain word lists, no model."""

from __future__ import annotations

import re
from collections.abc import Sequence

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

_COLOURS = """
amber apricot aqua aquamarine auburn azure beige black blond blonde blonder blood blue bluish bronze
brown brownish brunette burgundy caramel carmine cerulean charcoal chartreuse chestnut chocolate
cinnamon cobalt copper coral cream creme crimson cyan denim ebony emerald fuchsia ginger gold golden
gray grayish green greenish grey greyish hazel honey indigo ivory jade khaki lavender lemon lilac
lime magenta mahogany maroon mauve mint mocha multicolor multicolored multicolour multicoloured
mustard navy ochre olive onyx orange orangish peach periwinkle pink pinkish platinum plum purple
purplish rainbow raspberry raven red reddish rose rouge ruby rust rusty salmon sand sandy sapphire
scarlet seafoam sepia sienna silver silvery sky strawberry tan taupe teal terracotta tomato
turquoise umber vermilion violet walnut white whitish wine yellow yellowish
"""
#: Words that say a hue (grays and hair's own colours included); "light" and "dark" alone say none.
COLOUR_WORDS = frozenset(_COLOURS.split())

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
_PREPOSITIONS = frozenset({"in", "on", "over", "behind", "with", "and", "under", "at", "of", "to"})


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
    if words[-1] in _FEATURE_OF_NOUN and (len(words) < 2 or words[-2] not in _PREPOSITIONS):
        return _FEATURE_OF_NOUN[words[-1]]
    for index, word in enumerate(words):
        if word in _FEATURE_OF_NOUN and (index == 0 or words[index - 1] not in _PREPOSITIONS):
            return _FEATURE_OF_NOUN[word]
    return None


def names_colour(words: Sequence[str]) -> bool:
    """Return whether a phrase says a hue in words, run together with another word or not ("bluegreen")."""
    return not COLOUR_WORDS.isdisjoint(words) or any(_BASIC.search(word) for word in words)


def should_differ(one: str, other: str) -> bool:
    """Return whether two features seldom have the same colour."""
    return frozenset((one, other)) in _SELDOM_ALIKE
