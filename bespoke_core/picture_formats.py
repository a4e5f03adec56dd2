"""Which pictures are opened, and what Pillow raises for a file that is damaged. Without Pillow itself.

Pillow tells a format by a file's first bytes, whatever its name: without a list, a file named a.png could be
one that starts another program to be drawn (EPS), or one of the seldom formats whose readers break in ways of
their own.
"""

from __future__ import annotations

import struct
import zlib

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "GIF", "TIFF")
"""For `PIL.Image.open(..., formats=FORMATS)`; JPEG takes a phone's MPO along."""

DAMAGED: tuple[type[Exception], ...] = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError),
    *(NotImplementedError, struct.error, zlib.error),
)
"""What its readers raise for damaged bytes, beside its own DecompressionBombError."""
