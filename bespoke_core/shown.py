"""Text of others, such as the names of files, as it is shown: on one line, moving no cursor."""

from __future__ import annotations

import unicodedata

_WRITTEN_OUT = {"Cc", "Zl", "Zp", "Cs"}
"""Categories of characters that are no text: controls, breaks of lines and paragraphs, half characters."""
_TURNS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
"""Characters that turn the direction of what follows, so that a name may look like another one."""


def on_one_line(text: str) -> str:
    r"""Return text with every character that would break or disturb a line written out, such as \n.

    A tab is a blank.
    """
    if text.isprintable():
        return text
    return "".join(_written(one) for one in text)


def _written(one: str) -> str:
    if one == "\t":
        return " "
    if unicodedata.category(one) in _WRITTEN_OUT or ord(one) in _TURNS:
        return one.encode("unicode_escape", "surrogatepass").decode("ascii")
    return one
