"""What a phrase says in words, its codes left out; worked out once for all captions that say the same."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from .features import Mention, feature_of, mentions_of, names_colour, words_of
from .scan import TRIMMED, says_something
from .style import normal_form

_WORD = re.compile(r"\w+")
# Nouns of what a portrait has one of: two phrases that end with one and say a hue contradict each other.
_SINGLE = {noun: noun for noun in ("background", "hair", "skin", "eyes", "lips")} | {"backdrop": "background"}
_PALETTE = re.compile(r"\s*palette\s*:", re.IGNORECASE)


class Wording(NamedTuple):
    """The words of a phrase (a NamedTuple because every new phrase of a data set makes one).

    Attributes:
        kept: the phrase without its codes and without trailing blanks; the leading ones are kept, so that
            it can be written back.
        text: `kept` without its leading blanks.
        form: how it is compared with others: no surrounding punctuation, single blanks, case folded.
        says: whether it holds anything else than blanks and punctuation.
        palette: whether it opens a palette section: "palette:" in any case, blanks before it or not.
        word_count: how many words it has, a word being letters, digits and underscores.
        words: its words in lower case, without digits and punctuation.
        doubled: the words that directly repeat the one before them.
        feature: the feature of a portrait that it is about, if any.
        claims: the feature whose one hue it says, if any: "background", "hair", "skin", "eyes" or "lips".
        mentions: every feature that it speaks of, and whether it says a hue for it.
    """

    kept: str
    text: str
    form: str
    says: bool
    palette: bool
    word_count: int
    words: tuple[str, ...]
    doubled: tuple[str, ...]
    feature: str | None
    claims: str | None
    mentions: tuple[Mention, ...]


NOTHING = Wording("", "", "", False, False, 0, (), (), None, None, ())


def starts_palette(text: str, start: int = 0, end: int | None = None) -> bool:
    """Return whether a phrase opens a palette section: "palette:" in any case, blanks before it or not."""
    return _PALETTE.match(text, start, len(text) if end is None else end) is not None


def count_words(text: str) -> int:
    """Return how many words a text has, a word being letters, digits and underscores."""
    return len(_WORD.findall(text))


def wording(phrase: str) -> Wording:
    """Work out what a phrase without codes says."""
    kept = phrase.rstrip()
    if not kept:
        return NOTHING
    text = kept.lstrip()
    form = normal_form(text)
    letters = text.replace(" ", "")
    if letters.isascii() and letters.isalpha():  # nearly always
        words = tuple(form.split(" "))
        word_count = len(words)
    else:
        words = tuple(words_of(form))
        word_count = count_words(text)
    if not words:
        says = says_something(text, 0, len(text))
        return Wording(kept, text, form, says, False, word_count, (), (), None, None, ())
    mentions = mentions_of(text, words)
    feature = feature_of(words) if mentions else None
    return Wording(
        kept,
        text,
        form,
        True,
        words[0] == "palette" and starts_palette(text),
        word_count,
        words,
        _doubled(text),
        feature,
        feature if feature and feature == _SINGLE.get(words[-1]) and names_colour(words) else None,
        mentions,
    )


def _doubled(text: str) -> tuple[str, ...]:
    tokens = text.casefold().split()
    if len(set(tokens)) == len(tokens):
        return ()
    return tuple(one for one, other in pairwise(tokens) if one == other and one.isalnum())


def wording_before_code(words: str) -> Wording:
    """Work out what a phrase says that ends with a code: what only bound the code goes with it."""
    if not says_something(words, 0, len(words)):
        return NOTHING
    found = wording(words.rstrip(TRIMMED))
    # "palette: #..." opens a section by its colon, which goes.
    return found._replace(palette=True) if starts_palette(words) else found


# Phrases come again and again within a data set, and its words are most of the work on a caption.
_REMEMBERED = 1 << 13
remembered_wording = lru_cache(_REMEMBERED)(wording)
remembered_wording_before_code = lru_cache(_REMEMBERED)(wording_before_code)
