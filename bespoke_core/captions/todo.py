"""What to do first about a data set, in plain words, from what an audit found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ..amounts import counted
from .features import COLOURED_FEATURES
from .statistics import NO_COLOUR

if TYPE_CHECKING:
    from .audit import Audit

#: Kinds that keep a file from being used in training.
UNUSABLE = (
    *("missing_caption", "orphan_caption", "empty_caption", "not_utf8", "unreadable", "broken_picture"),
    "two_pictures",
)
#: Kinds that are about a colour code; cleaning removes the cause of all of them.
OF_CODES = (
    *("duplicate_code", "shared_code", "misplaced_code", "uncaptioned_code", "malformed_code"),
    "phantom_code",
)
_NAMED = 5  # examples that one sentence names


class Step(NamedTuple):
    """One thing to do.

    Attributes:
        title: what to do, a few words.
        text: why, with the figures, as sentences.
    """

    title: str
    text: str


def what_to_do(audit: Audit) -> tuple[Step, ...]:
    """Return the steps that make a data set ready for training, the most pressing first."""
    steps = (_unusable, _codes, _colours, _too_long, _by_hand, _copies, _frequent, _seldom)
    return tuple(step for find in steps for step in find(audit))


def _files(audit: Audit, *kinds: str) -> int:
    return max((audit.files_with.get(kind, 0) for kind in kinds), default=0)


def _unusable(audit: Audit) -> Iterator[Step]:
    parts = [f"{audit.files_with[kind]:,} {_UNUSABLE[kind]}" for kind in UNUSABLE if _files(audit, kind)]
    if parts:
        text = f"Training stops at these, or leaves them out: {', '.join(parts)}. Each is among the findings."
        yield Step("Mend the files that cannot be used", text)


_UNUSABLE = {
    "missing_caption": "without a caption",
    "orphan_caption": "without a picture",
    "empty_caption": "with an empty caption",
    "not_utf8": "not in UTF-8",
    "unreadable": "that cannot be read",
    "broken_picture": "with a broken picture",
    "two_pictures": "with two pictures for one caption",
}


def _codes(audit: Audit) -> Iterator[Step]:
    boilerplate = _files(audit, "boilerplate")
    if not audit.codes and not boilerplate:
        return
    text = []
    if audit.codes:
        text.append(
            f"They hold {counted(audit.codes, 'colour code')}. Training does not see a colour in #c06148, "
            "but letters and digits, and binds them to whatever is in the picture."
        )
        shared, wrong = _files(audit, "shared_code"), _files(audit, "misplaced_code")
        if shared:
            text.append(
                f"In {counted(shared, 'caption')} one code stands beside features that seldom look alike, "
                "such as hair and background."
            )
        if wrong:
            text.append(
                f"In {counted(wrong, 'caption')} the picture shows that a code is at the wrong place."
            )
    if boilerplate and audit.codes:
        text.append(f"Boilerplate about the style goes, too ({counted(boilerplate, 'caption')}).")
    elif boilerplate:
        hold = "holds" if boilerplate == 1 else "hold"
        text.append(f"{counted(boilerplate, 'caption')} {hold} boilerplate about the style of the whole set.")
    yield Step("Clean the captions", " ".join([*text, "Every other word stays."]))


def _colours(audit: Audit) -> Iterator[Step]:
    files = _files(audit, "colourless_feature")
    if not files:
        return
    said = audit.statistics.colour_words
    without = sorted(
        (
            (words[NO_COLOUR], feature)
            for feature, words in said.items()
            if NO_COLOUR in words and feature in COLOURED_FEATURES
        ),
        key=lambda one: (-one[0], one[1]),
    )
    listed = ", ".join(f"{feature} {count:,}" for count, feature in without[:_NAMED])
    text = (
        f"In {counted(files, 'caption')} no word says the colour of a feature that is there"
        f"{f' (most often: {listed})' if listed else ''}. Without it no prompt can ask for that colour "
        'later. Cleaning with colourless = "name" writes what the picture shows, where that can be told.'
    )
    yield Step("Name the colours that no word names", text)


def _too_long(audit: Audit) -> Iterator[Step]:
    files = _files(audit, "over_token_limit")
    if not files:
        return
    have = "has" if files == 1 else "have"
    text = f"{counted(files, 'caption')} {have} more tokens than training reads; the rest is lost."
    cleaned, tokens = audit.statistics.cleaned_tokens, audit.statistics.tokens
    if cleaned is not None and tokens is not None and cleaned.captions == tokens.captions:
        text += f" After cleaning the longest has {cleaned.longest:,} tokens (now {tokens.longest:,})."
    yield Step("Shorten what is cut off", text)


def _by_hand(audit: Audit) -> Iterator[Step]:
    files = _files(audit, "malformed_text")
    if files:
        text = (
            f"{counted(files, 'caption')} {'has' if files == 1 else 'have'} a bracket without a partner, a "
            "doubled word, a repeated phrase or two phrases for one feature. Cleaning leaves these to you."
        )
        yield Step("Correct by hand", text)


def _copies(audit: Audit) -> Iterator[Step]:
    pictures, captions = _files(audit, "duplicate_picture"), _files(audit, "duplicate_caption")
    text = []
    if pictures:
        text.append(
            f"{counted(pictures, 'picture is', 'pictures are')} a copy: training sees it twice as often."
        )
    if captions:
        are = counted(captions, "caption is", "captions are")
        text.append(f"{are} the same as an earlier one: say what differs between the pictures.")
    if text:
        yield Step("Look at copies", " ".join(text))


def _frequent(audit: Audit) -> Iterator[Step]:
    found = [one for one in audit.findings if one.finding == "frequent_phrase"]
    if not _files(audit, "frequent_phrase"):
        return
    listed = ", ".join(f'"{one.text[:60]}"' for one in found[:_NAMED])
    text = (
        f"Nearly all captions say the same{f' ({listed})' if listed else ''}. Training binds such a phrase "
        "to everything, so that it means nothing. Say what differs, or have it removed; only a trigger "
        "belongs into all."
    )
    yield Step("Look at phrases that nearly all captions share", text)


def _seldom(audit: Audit) -> Iterator[Step]:
    coverage = audit.statistics.coverage
    if coverage is None or not audit.total:
        return
    missing = ", ".join(one.name for one in coverage.missing[: 2 * _NAMED])
    if missing:
        more = len(coverage.missing) - 2 * _NAMED
        text = (
            f"No picture has {missing}{f' and {more} more' if more > 0 else ''}. A LoRA cannot learn what it "
            "never sees: add pictures that have these colours, or do not expect them."
        )
        yield Step("Know which colours are not there", text)
