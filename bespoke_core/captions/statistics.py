"""What a data set says and shows as a whole, collected file by file in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from .checks import Reading
from .clean import clean_parsed
from .features import COLOUR_WORDS, FEATURE_NOUNS, descriptions_of, names_colour
from .lengths import LengthCollector, TokenLengths, token_counter
from .phrases import PhraseCounter
from .style import DEFAULT_STYLE_PHRASES, normal_form, normal_set

if TYPE_CHECKING:
    from .coverage import Coverage, CoverageCollector, Look

NO_COLOUR = "none"
"""Stands for "the captions name the feature and no colour of it"."""

_TOP = 50
_NONE: frozenset[str] = frozenset()
_CLEANED = 1000  # captions that are also cleaned and counted; more would slow the audit down
_NO_COLOURS = (NO_COLOUR,)
_TOGETHER = 256  # texts tokenised at once
_SAME = {"grey": "gray", "greyish": "gray", "grayish": "gray", "blond": "blonde", "golden": "gold"}


class PhraseShare(NamedTuple):
    """How many captions hold one phrase.

    Attributes:
        text: as first written, codes left out.
        captions: how many hold it (see `Statistics.phrase_error`).
        share: of all captions, 0..1.
        style: it is one of the style phrases.
    """

    text: str
    captions: int
    share: float
    style: bool


@dataclass(frozen=True)
class Statistics:
    """What a data set says and shows as a whole.

    Attributes:
        captions: how many were read.
        codes, words: in their first lines, each occurrence; codes are no words.
        tokens: their lengths as they are; None where there is no tokenizer.
        cleaned_tokens: the lengths after a "smart" cleaning, of the first 1000 captions.
        phrases: the 50 commonest, the commonest first.
        phrase_error: by how many captions a phrase's count may be short; 0 unless the set has more distinct
            phrases than are kept.
        beginning: the phrases that all captions begin with, as they are compared.
        colour_words: for each feature, how many captions name it with which colour word, the commonest
            first; `NO_COLOUR` counts those that name the feature and no colour. A caption that names two
            colours counts for both.
        coverage: the colours of the pictures; None where none was looked at.
    """

    captions: int
    codes: int
    words: int
    tokens: TokenLengths | None
    cleaned_tokens: TokenLengths | None
    phrases: tuple[PhraseShare, ...]
    phrase_error: int
    beginning: tuple[str, ...]
    colour_words: dict[str, dict[str, int]]
    coverage: Coverage | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "captions": self.captions,
            "codes": self.codes,
            "words": self.words,
            "tokens": None if self.tokens is None else self.tokens.to_dict(),
            "cleaned_tokens": None if self.cleaned_tokens is None else self.cleaned_tokens.to_dict(),
            "phrases": [one._asdict() for one in self.phrases],
            "phrase_error": self.phrase_error,
            "beginning": list(self.beginning),
            "colour_words": {feature: dict(words) for feature, words in self.colour_words.items()},
            "colours": None if self.coverage is None else self.coverage.to_dict(),
        }


class Collector:
    """Collects the statistics of a data set caption by caption.

    Memory does not grow with the number of captions: phrases are counted with a bounded number of counters
    (see `PhraseCounter`), lengths and colours in histograms.

    Args:
        style_phrases: what counts as boilerplate.
        phrases: a counter that the caller reads, too; it is fed here.
    """

    def __init__(
        self,
        *,
        style_phrases: Collection[str] = DEFAULT_STYLE_PHRASES,
        phrases: PhraseCounter | None = None,
    ) -> None:
        self.phrases = PhraseCounter() if phrases is None else phrases
        self._styles = tuple(style_phrases)
        self._captions = self._codes = self._words = 0
        self._tokens = LengthCollector()
        self._cleaned = LengthCollector()
        self._waiting: list[tuple[str, str]] = []
        self._cleaned_count = 0
        self._colours: dict[str, Counter[str]] = {feature: Counter() for feature in FEATURE_NOUNS}
        self._coverage: CoverageCollector | None = None

    def add(self, reading: Reading, look: Look | None = None, tokens: int | None = None) -> None:
        """Take in one caption.

        Args:
            reading: the caption.
            look: its picture, where there is one that can be decoded.
            tokens: its CLIP tokens as `lengths.token_counter` counts them, where there is a tokenizer.
        """
        self._captions += 1
        self._codes += len(reading.caption.codes)
        self.phrases.add(reading)
        self._add_words(reading)
        if tokens is not None:
            self._tokens.add(reading.file, tokens)
            if self._cleaned_count < _CLEANED:
                self._cleaned_count += 1
                cleaned = clean_parsed(reading.caption, style_phrases=self._styles).text
                self._waiting.append((reading.file, cleaned))
                if len(self._waiting) >= _TOGETHER:
                    self._count_waiting()
        if look is not None:
            self._add_look(look)

    def result(self) -> Statistics:
        """Return the statistics so far."""
        self._count_waiting()
        coloured = {feature: dict(words.most_common()) for feature, words in self._colours.items() if words}
        return Statistics(
            captions=self._captions,
            codes=self._codes,
            words=self._words,
            tokens=self._tokens.result(),
            cleaned_tokens=self._cleaned.result(),
            phrases=self._top(),
            phrase_error=self.phrases.error,
            beginning=tuple(self.phrases.beginning),
            colour_words=coloured,
            coverage=None if self._coverage is None else self._coverage.result(),
        )

    def _add_words(self, reading: Reading) -> None:
        said: dict[str, frozenset[str]] = {}
        for _, _, wording, feature in reading.parts:
            self._words += len(wording.words)
            if feature is None:
                continue
            if len(wording.mentions) == 1:
                described = [(wording.mentions[0].feature, wording.words)]
            else:  # "brown hair and a blue shirt": to each its own
                described = [(one, tuple(words)) for one, words in descriptions_of(wording.text)]
            for one, words in described:
                said[one] = said.get(one, _NONE) | colours_of(words)
        for feature, colours in said.items():
            counts = self._colours[feature]
            for colour in colours or _NO_COLOURS:
                counts[colour] += 1

    def _add_look(self, look: Look) -> None:
        if self._coverage is None:
            from .coverage import CoverageCollector  # late: captions alone need no arrays

            self._coverage = CoverageCollector()
        self._coverage.add(look)

    def _count_waiting(self) -> None:
        counter = token_counter() if self._waiting else None
        if counter is not None:
            counts = counter([text for _, text in self._waiting])
            for (file, _), tokens in zip(self._waiting, counts, strict=True):
                self._cleaned.add(file, tokens)
        self._waiting.clear()

    def _top(self) -> tuple[PhraseShare, ...]:
        styles = normal_set(self._styles)
        return tuple(
            PhraseShare(text, count, count / self._captions, normal_form(text) in styles)
            for text, count in self.phrases.common(_TOP)
        )


@lru_cache(maxsize=1 << 14)  # captions repeat their phrases
def colours_of(words: tuple[str, ...]) -> frozenset[str]:
    """Return the colour words of a phrase, rival spellings made one; words run together are taken whole."""
    found = frozenset(_SAME.get(word, word) for word in words if word in COLOUR_WORDS)
    return found or frozenset(word for word in words if names_colour((word,)))
