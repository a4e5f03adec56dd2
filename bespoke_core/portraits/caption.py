"""Captions for the sample portraits, in the form that the experiment's captions have: faults included.

A truthful phrase for each feature with its colour's code beside it, a palette list, boilerplate about the
style, and further codes behind it. A stated share has one of the faults that real captions have.
"""

from __future__ import annotations

from .draw import Feature, Portrait

TRIGGER = "bespoke punk"
BOILERPLATE = "sharp pixel edges, hard color borders, retro pixel art style"
PALETTE = 5  # codes in the palette list; the picture's others stand behind the boilerplate

FAULTS = (
    "several codes in one pair of parentheses",
    "missing opening parenthesis",
    "code in prose",
    "duplicate code",
    "doubled word",
)
MALFORMED_EVERY = 3  # every third caption has a fault, in turn


def fault_of(number: int) -> str | None:
    """Return the fault of the caption with that number in a data set, or None: one in three has one."""
    turn, rest = divmod(number, MALFORMED_EVERY)
    return FAULTS[turn % len(FAULTS)] if rest == MALFORMED_EVERY - 1 else None


def caption(portrait: Portrait, *, fault: str | None = None) -> str:
    """Return the portrait's caption.

    Args:
        portrait: what it describes.
        fault: one of `FAULTS`, or None for a well-formed one. Words stay truthful in every case; "duplicate
            code" puts the background's code beside another feature too.
    """
    pieces = ["pixel art, 24x24", f"portrait of {TRIGGER} {portrait.figure}"]
    faulty = _place_of(portrait, fault)
    for feature in portrait.features:
        pieces.append(_phrase(feature, portrait, fault if feature is faulty else None))
        if feature.kind == "lips":
            pieces.append(portrait.expression)
    codes = portrait.codes()
    pieces.append("palette: " + ", ".join(codes[:PALETTE]))
    pieces.append(BOILERPLATE)
    return ", ".join([*pieces, *codes[PALETTE:]])


def plain_caption(portrait: Portrait) -> str:
    """Return the caption without codes, palette and boilerplate: what a perfect cleaning leaves."""
    pieces = ["pixel art, 24x24", f"portrait of {TRIGGER} {portrait.figure}"]
    for feature in portrait.features:
        pieces.append(feature.words)
        if feature.kind == "lips":
            pieces.append(portrait.expression)
    return ", ".join(pieces)


def _place_of(portrait: Portrait, fault: str | None) -> Feature | None:
    """Return the feature whose phrase takes the fault: the clothing, which every portrait has."""
    return portrait.feature("clothing") if fault else None


def _phrase(feature: Feature, portrait: Portrait, fault: str | None) -> str:
    if not feature.code:
        return feature.words
    background = portrait.feature("background")
    other = background.code if background else feature.code
    if fault == "several codes in one pair of parentheses":
        return f"{feature.words} ({feature.code}, {other})"
    if fault == "missing opening parenthesis":
        return f"{feature.words} {feature.code})"
    if fault == "code in prose":
        return f"{feature.words} (mostly {feature.code} cloth)"
    if fault == "duplicate code":
        return f"{feature.words} ({other})"
    if fault == "doubled word":
        return f"wearing {feature.words} ({feature.code})"
    return f"{feature.words} ({feature.code})"
