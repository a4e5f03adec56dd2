"""Pictures looked at by a few threads a little ahead of whoever asks for them, in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from ..errors import InputError
from .dataset import Item
from .problems import Problem, broken, broken_picture

if TYPE_CHECKING:
    from .pixels import Look

_THREADS = min(4, os.cpu_count() or 1)  # decoding leaves Python's lock, what follows does not
_AHEAD = 4 * _THREADS  # looks that wait at most; one of a photograph holds some megabytes


class Seen(NamedTuple):
    """A picture looked at, or what is wrong with it; neither where an item has no picture."""

    look: Look | None = None
    problem: Problem | None = None


def look_ahead(items: Iterable[Item], *, wanted: bool) -> Generator[Seen, None, None]:
    """Yield what is seen of each item's picture, in the items' order; nothing is seen unless it is wanted.

    At most a fixed number of pictures is looked at ahead, whatever the number of items. A picture that cannot
    be decoded is a problem, not an error.
    """
    if not wanted:
        yield from (Seen() for _ in items)
        return
    waiting: deque[Future[Seen]] = deque()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="look")
    try:
        for item in items:
            waiting.append(pool.submit(_see, item))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _see(item: Item) -> Seen:
    from .pixels import look_at  # late: captions alone need no arrays

    path, file = item.image_path, item.image_file
    if path is None or file is None:
        return Seen()
    if path.suffix.lower() == ".png":
        # Decoding passes over a PNG's checksums. Other formats have none, and are decoded once, below.
        for problem in broken_picture(path, file):
            return Seen(problem=problem)
    try:
        look = look_at(path)
    except InputError as error:
        return Seen(problem=broken(path, file, error.problem))
    _ = look.arrangement  # found once and kept: better here, beside others, than where findings are made
    return Seen(look)
