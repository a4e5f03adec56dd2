"""Texts that a caption may be: any Unicode, and the pieces of captions in any order."""

from __future__ import annotations

from hypothesis import strategies as st

PIECES = st.sampled_from(
    [
        *("#aabbcc", "#AABBCC", "#abc", "#12345678", "##aabbcc", "#", "#ab", "#aabbccx", "hair", "eyes", "x"),
        *(
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "（",
            "）",
            ",",
            ", ",
            " ",
            "\n",
            "\r\n",
            "-",
            "/",
            ":",
            ".",
            '"',
            "\\",
        ),
        *("palette:", "Palette :", "sharp pixel edges", "é", "_", "🔥", "\u3000", "\u0301", "\x00", "1"),
    ]
)
CAPTIONS = st.one_of(st.text(), st.lists(PIECES, max_size=30).map("".join))
