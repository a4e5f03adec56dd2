"""What a phrase says in words, its codes left out; worked out once for all captions that say the same."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from .features import feature_of, names_colour, words_of
from .scan import TRIMMED, says_something
from .style import normal_form

_WORD = re.compile(r"\w+")
_PALETTE = re.compile(r"\s*palette\s*:", re.IGNORECASE)


class Wording(NamedTuple):
    """The words of a phrase (a NamedTuple because every new phrase of a data set makes one).

    Attributes:
        kept: the phrase without its codes and without trailing blanks; the leading ones are kept, so that
            it can be written back.
        form: how it is compared with others: no surrounding punctuation, single blanks, case folded.
        says: whether it holds anything else than blanks and punctuation.
        palette: whether it opens a palette section: "palette:" in any case, blanks before it or not.
        word_count: how many words it has, a word being letters, digits and underscores.
        words: its words in lower case, without digits and punctuation.
        doubled: the words that directly repeat the one before them.
        feature: the feature of a portrait that it is about, if any.
        coloured: whether it says a hue.
    """

    kept: str
    form: str
    says: bool
    palette: bool
    word_count: int
    words: tuple[str, ...]
    doubled: tuple[str, ...]
    feature: str | None
    coloured: bool

    @property
    def text(self) -> str:
        """The words as written, surrounding blanks left out."""
        return self.kept.lstrip()


NOTHING = Wording("", "", False, False, 0, (), (), None, False)


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
    form = normal_form(kept)
    if not form:
        return Wording(
            kept, "", says_something(kept, 0, len(kept)), False, count_words(kept), (), (), None, False
        )
    words = tuple(words_of(kept))
    tokens = kept.casefold().split()
    doubled: tuple[str, ...] = ()
    if len(set(tokens)) < len(tokens):
        doubled = tuple(one for one, other in pairwise(tokens) if one == other and one.isalnum())
    return Wording(
        kept,
        form,
        says_something(kept, 0, len(kept)),
        starts_palette(kept),
        count_words(kept),
        words,
        doubled,
        feature_of(words),
        names_colour(words),
    )


def wording_before_code(words: str) -> Wording:
    """Work out what a phrase says that ends with a code: what only bound the code goes with it."""
    if not says_something(words, 0, len(words)):
        return NOTHING
    # "palette: #..." opens a section by its colon, which goes.
    return wording(words.rstrip(TRIMMED))._replace(palette=starts_palette(words))


# Phrases come again and again within a data set, and its words are most of the work on a caption.
_REMEMBERED = 1 << 14
remembered_wording = lru_cache(_REMEMBERED)(wording)
remembered_wording_before_code = lru_cache(_REMEMBERED)(wording_before_code)
