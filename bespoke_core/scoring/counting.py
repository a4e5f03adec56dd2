"""Counting the distinct colours of pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Packed = NDArray[np.uint32]

# A slice of small pictures fits the processor's cache, packed and sorted.
_PIXELS_A_SLICE = 1 << 16
_SMALL = 1 << 12  # pixels; sorting beats a table up to here
_LARGE = 1 << 20  # pixels; from here on a table of all 2^24 colours does, and bounds the memory
_RGB = np.uint32(0xFFFFFF)

# Of a colour's 24 bits, 20 choose a slot and 4 are kept there: a megabyte of slots stays in the cache.
_SLOT_BITS = 20
_MIX = np.uint32(5)  # bits; so that all channels have a say in the slot, and neighbours fall into neighbours
_TAKEN = np.uint8(64)


def count_colors(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count the distinct RGB triples of each picture of uint8 (N, H, W, 3); int64 (N,).

    Equals ``len(PIL.Image.getcolors(...))`` picture by picture. Small pictures are sorted many at a time and
    the steps between neighbours counted. In large ones repeated rows and repeated neighbours are left out,
    and the rest is thrown into a table of slots, each of which keeps one of the colours that fall into it;
    the few that lost their slot to another colour are sorted.

    Raises:
        InputError: the array is not of that shape and type.
    """
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        raise _not_pictures(images)
    if images.ndim != 4 or images.shape[-1] != 3:
        raise _not_pictures(images)
    number, pixels = len(images), images.shape[1] * images.shape[2]
    counts = np.zeros(number, dtype=np.int64)
    if pixels == 0:
        return counts
    if pixels <= _SMALL:
        step = max(1, _PIXELS_A_SLICE // pixels)
        for start in range(0, number, step):
            packed = _pack(images[start : start + step]).reshape(-1, pixels)
            packed.sort(axis=1)
            counts[start : start + step] = 1 + np.count_nonzero(packed[:, 1:] != packed[:, :-1], axis=1)
        return counts
    slots = _Slots(min(pixels, _LARGE))
    for index, image in enumerate(images):
        packed = _without_repeats(_pack(_without_repeated_rows(np.ascontiguousarray(image)), slots.packed))
        if len(packed) <= _SMALL:
            counts[index] = _count_sorted(packed)
        elif len(packed) < _LARGE:
            counts[index] = slots.count(packed)
        else:
            counts[index] = _count_large(packed)
    return counts


def count_picture_colors(image: NDArray[np.uint8]) -> int:
    """Count the distinct RGB triples of one picture, uint8 (H, W, 3); see `count_colors`."""
    return int(count_colors(np.asarray(image)[None])[0])


def _not_pictures(images: object) -> InputError:
    shown = f"{images.dtype} {images.shape}" if isinstance(images, np.ndarray) else type(images).__name__
    return InputError(
        f"pictures must be uint8 of shape (N, H, W, 3), not {shown}",
        field="images",
        remedy="Convert them to 8-bit RGB.",
    )


def _pack(images: NDArray[np.uint8], buffer: Packed | None = None) -> Packed:
    """Turn uint8 (..., 3) into one integer a pixel, equal where colours are; in `buffer` if that does."""
    flat = np.ascontiguousarray(images).reshape(-1)
    pixels = len(flat) // 3
    fits = buffer is not None and len(buffer) >= pixels
    packed = buffer[:pixels] if buffer is not None and fits else np.empty(pixels, dtype=np.uint32)
    # Four bytes from every third on: the fourth is the next pixel's and is masked. The last pixel has none.
    windows: NDArray = np.ndarray((pixels - 1,), np.dtype("<u4"), buffer=flat.data, strides=(3,))
    np.bitwise_and(windows, _RGB, out=packed[:-1])
    packed[-1] = int(flat[-3]) | int(flat[-2]) << 8 | int(flat[-1]) << 16
    return packed


class _Slots:
    """A table in which each slot keeps one of the colours that fall into it, for pictures of one size."""

    def __init__(self, pixels: int) -> None:
        self.packed = np.empty(pixels, dtype=np.uint32)
        self._slots = np.zeros(1 << _SLOT_BITS, dtype=np.uint8)
        self._mixed = np.empty(pixels, dtype=np.uint32)
        self._slot = np.empty(pixels, dtype=np.intp)
        self._rest = np.empty(pixels, dtype=np.uint8)
        self._kept = np.empty(pixels, dtype=np.uint8)

    def count(self, packed: Packed) -> int:
        """Count distinct colours; those that find another colour in their slot are sorted in the end."""
        buffers = (self._mixed, self._slot, self._rest, self._kept)
        mixed, slot, rest, kept = (buffer[: len(packed)] for buffer in buffers)
        # Reversible, so slot and rest together are the colour.
        np.bitwise_xor(packed, np.right_shift(packed, _MIX, out=mixed), out=mixed)
        np.bitwise_and(mixed, np.uint32((1 << _SLOT_BITS) - 1), out=slot, casting="unsafe")
        np.right_shift(mixed, np.uint32(_SLOT_BITS), out=rest, casting="unsafe")
        np.bitwise_or(rest, _TAKEN, out=rest)
        self._slots.fill(0)
        self._slots[slot] = rest
        # "clip" changes nothing, as every slot exists, but spares numpy a copy of the buffer.
        self._slots.take(slot, out=kept, mode="clip")
        return int(np.count_nonzero(self._slots)) + _count_sorted(packed[kept != rest])


def _count_sorted(packed: Packed) -> int:
    if len(packed) == 0:
        return 0
    packed.sort()
    return 1 + int(np.count_nonzero(packed[1:] != packed[:-1]))


def _count_large(packed: Packed) -> int:
    seen = np.zeros(1 << 24, dtype=bool)
    for start in range(0, len(packed), _LARGE):
        seen[packed[start : start + _LARGE]] = True
    return int(np.count_nonzero(seen))


def _without_repeated_rows(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Leave out rows that equal the row above, where some looked at show that there are many."""
    rows: NDArray = image.reshape(len(image), -1)
    if rows.shape[1] % 8 == 0:
        rows = rows.view(np.uint64)
    alike = np.all(rows[:-1:64] == rows[1::64], axis=1)
    if 4 * np.count_nonzero(alike) <= len(alike):
        return image
    new = np.empty(len(rows), dtype=bool)
    new[0] = True
    np.any(rows[1:] != rows[:-1], axis=1, out=new[1:])
    return image[np.flatnonzero(new)]


def _without_repeats(packed: Packed) -> Packed:
    """Leave out pixels that equal the pixel before, where some looked at show that there are many."""
    alike = packed[:-1:256] == packed[1::256]
    if 2 * np.count_nonzero(alike) <= len(alike):
        return packed
    new = np.empty(len(packed), dtype=bool)
    new[0] = True
    np.not_equal(packed[1:], packed[:-1], out=new[1:])
    return packed[np.flatnonzero(new)]
