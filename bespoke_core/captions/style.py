"""Phrases that describe the whole data set's style and say nothing about one picture."""

from __future__ import annotations

import string
from collections.abc import Collection

DEFAULT_STYLE_PHRASES: tuple[str, ...] = ("sharp pixel edges", "hard color borders", "retro pixel art style")

_EDGES = " " + string.punctuation


def normal_form(phrase: str) -> str:
    """Return a phrase as it is compared: no surrounding punctuation, single blanks, case folded.

    Underscores, which join the words of a tag ("brown_hair"), are blanks.
    """
    return " ".join(phrase.replace("_", " ").split()).strip(_EDGES).casefold()


def normal_set(phrases: Collection[str]) -> frozenset[str]:
    """Return the normal forms of a list of phrases, empty ones left out."""
    return frozenset(form for form in map(normal_form, phrases) if form)
