"""What a picture shows of a feature that a caption names: the colours' plain names, or why there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .checks import Part, Reading
from .features import COVERS_HAIR

if TYPE_CHECKING:
    from ..sprites.figure import Area
    from .pixels import Look

_SAYS_PLAIN = {"solid", "plain", "flat", "uniform"}
_DENIES = {"no", "without", "bald", "hidden", "invisible"}
_MOST_COLORS = 2
_LEAST_SHARE = 0.2  # of the border, for a colour to be named
_LEAST_KNOWN = 0.9
_MOST_OF_HAIR, _MOST_OF_CLOTHING = 0.6, 0.7  # of its cells, for one basic colour word to lead


@dataclass(frozen=True)
class Seen:
    """What a picture says of a feature.

    Attributes:
        names: the colours' plain names, the commonest first; empty where none can be told.
        colors: the colours behind them, uint8 (n, 3); None without names.
        reason: why the names can be trusted, or why there are none, as a sentence.
    """

    names: tuple[str, ...] = ()
    colors: Any = None
    reason: str = ""


def see_feature(feature: str, reading: Reading, part: Part, look: Look | None) -> Seen:
    """Look for a feature in a picture and name its colour.

    Args:
        feature: a key of `features.FEATURE_NOUNS`.
        reading: the caption, which says what stands in the way: a hat, a second piece of clothing.
        part: the phrase that names the feature.
        look: the picture; None where there is none.
    """
    if look is None:
        return Seen(reason="There is no picture to look at.")
    if look.cut_out:
        return Seen(reason="The picture is cut out: most of its border is transparent.")
    if _DENIES & set(part.words):
        return Seen(reason="The phrase says that there is none.")
    if feature == "background":
        return _background(part, look)
    if feature == "skin":
        return _skin(look)
    if feature == "hair":
        return _hair(reading, look)
    if feature == "clothing":
        return _clothing(reading, look)
    return Seen(reason=f"The {feature} cannot be located in a picture with any certainty.")


def _background(part: Part, look: Look) -> Seen:
    from ..color.names import name_of

    background, arranged = look.background, look.arrangement
    if arranged == "unknown" or background.known < _LEAST_KNOWN:
        return Seen(reason="The picture's border has too many colours to name.")
    if background.smooth:
        chosen = [background.colors[0], background.colors[-1]]
    else:
        pairs = zip(background.colors, background.shares, strict=True)
        chosen = [color for color, share in pairs if share >= _LEAST_SHARE]
    names = tuple(dict.fromkeys(name_of(color) for color in chosen))
    listed = " and ".join(names)
    if arranged != "plain" and _SAYS_PLAIN & set(part.words):
        shown = f"the picture's background is {arranged} ({listed})"
        return Seen(reason=f"The phrase says plain, {shown}. Say which is right.")
    if len(names) > _MOST_COLORS or (len(chosen) < len(background.colors) and not background.smooth):
        return Seen(reason=f"The background is {arranged}, of more than two colours ({listed}, ...).")
    where = {"plain": "has this colour", "split": "is split into these colours"}
    if background.smooth:
        where["gradient"] = "runs from one of these colours to the other"
    reason = (
        f"What lies behind the figure at the picture's border {where.get(arranged, 'has these colours')}."
    )
    return Seen(names, background.colors, reason)


def _skin(look: Look) -> Seen:
    from ..color.skin import name_of_skin

    if look.skin is None:
        return Seen(reason="No face with the colour of skin is found in the middle of the picture.")
    reason = "It is the commonest colour in the middle of the face."
    return Seen((name_of_skin(look.skin.color),), look.skin.color[None], reason)


def _hair(reading: Reading, look: Look) -> Seen:
    words = {word for part in reading.parts for word in part.words}
    covering = sorted(COVERS_HAIR & words)
    if covering:
        return Seen(reason=f'Hair cannot be told from what covers it: the caption names "{covering[0]}".')
    if look.hair is None:
        return Seen(reason="The figure shows no hair above a face.")
    return _most(look.hair, _MOST_OF_HAIR, "around and above the face")


def _clothing(reading: Reading, look: Look) -> Seen:
    if sum(part.feature == "clothing" for part in reading.parts) > 1:
        return Seen(reason="The caption names several pieces of clothing.")
    if look.clothing is None:
        return Seen(reason="Too little of the clothing can be located below the face.")
    return _most(look.clothing, _MOST_OF_CLOTHING, "in the lowest rows, hair and skin left out")


def _most(area: Area, least: float, where: str) -> Seen:
    """Name the colour that most cells of an area have, if that are enough of them."""
    import numpy as np

    from ..color.names import name_of_colors, names_of

    name = name_of_colors(area.colors, np.ones(len(area.colors), dtype=np.int64))
    agree = np.array([other.split()[-1] == name.split()[-1] for other in names_of(area.colors)])
    if agree.mean() < least:
        return Seen(reason=f"No one colour leads {where}.")
    return Seen((name,), area.colors[agree], f"Most of what is seen {where} has this colour.")
