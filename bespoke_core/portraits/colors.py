"""The colours of the sample portraits: named, and far enough apart that a name fits one colour only."""

from __future__ import annotations

from typing import NamedTuple


class Color(NamedTuple):
    """A colour with the words that a caption uses for it; channels 0 to 255."""

    words: str
    red: int
    green: int
    blue: int

    @property
    def code(self) -> str:
        """The lower-case hex code, such as ``#5a3220``."""
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The three channels."""
        return self.red, self.green, self.blue

    def shaded(self, factor: float) -> tuple[int, int, int]:
        """Darker for a factor below 1; lighter above: 1.3 goes three tenths of the way to white."""
        if factor <= 1:
            return tuple(round(channel * factor) for channel in self.rgb)  # type: ignore[return-value]
        return tuple(round(c + (255 - c) * (factor - 1)) for c in self.rgb)  # type: ignore[return-value]


OUTLINE = (22, 16, 24)
WHITE = (244, 244, 240)

SKIN = (
    Color("pale", 248, 220, 200),
    Color("light", 240, 196, 160),
    Color("medium light", 220, 168, 124),
    Color("medium", 190, 132, 90),
    Color("brown", 146, 92, 58),
    Color("dark brown", 98, 60, 40),
    Color("pale green", 168, 206, 150),
)
HAIR = (
    Color("black", 44, 38, 46),
    Color("dark brown", 92, 54, 32),
    Color("brown", 136, 84, 44),
    Color("red", 178, 52, 36),
    Color("orange", 222, 118, 38),
    Color("blonde", 236, 202, 100),
    Color("grey", 148, 148, 152),
    Color("white", 232, 230, 224),
    Color("pink", 240, 120, 176),
    Color("blue", 52, 100, 204),
    Color("green", 62, 166, 76),
    Color("purple", 128, 70, 180),
)
EYES = (
    Color("brown", 104, 60, 24),
    Color("blue", 40, 110, 206),
    Color("green", 40, 140, 70),
    Color("grey", 112, 118, 128),
    Color("dark", 36, 26, 30),
)
LIPS = (
    Color("red", 196, 36, 52),
    Color("pink", 226, 100, 130),
    Color("dark red", 132, 34, 48),
)
CLOTH = (
    Color("red", 200, 44, 48),
    Color("orange", 232, 132, 40),
    Color("yellow", 240, 206, 60),
    Color("green", 56, 148, 70),
    Color("teal", 34, 140, 140),
    Color("blue", 46, 88, 190),
    Color("purple", 112, 60, 160),
    Color("pink", 232, 128, 170),
    Color("grey", 120, 122, 130),
    Color("black", 50, 48, 58),
    Color("white", 226, 226, 222),
    Color("brown", 120, 76, 44),
)
BACKGROUND = (
    Color("red", 220, 60, 56),
    Color("orange", 244, 146, 62),
    Color("yellow", 250, 218, 94),
    Color("bright green", 64, 220, 100),
    Color("dark green", 30, 104, 64),
    Color("teal", 44, 168, 164),
    Color("light blue", 134, 200, 244),
    Color("blue", 46, 98, 220),
    Color("purple", 134, 84, 200),
    Color("pink", 246, 150, 190),
    Color("grey", 152, 156, 164),
    Color("brown", 134, 92, 62),
)
GOLD = Color("gold", 250, 196, 40)
SILVER = Color("silver", 204, 212, 222)
FRAMES = (Color("black", 40, 36, 46), Color("gold", 214, 160, 40), Color("red", 200, 40, 50))
LENSES = (Color("black", 30, 28, 38), Color("blue", 40, 70, 170), Color("purple", 96, 40, 130))
