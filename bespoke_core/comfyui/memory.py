"""How much memory a process and its children take at most."""

from __future__ import annotations

import threading
from types import TracebackType


class MemoryWatch:
    """Samples the memory of a process tree while it is entered; needs psutil.

    Args:
        pid: the root of the tree.
        every_s: seconds between two samples.

    The figure is the sum of resident sizes, so what two processes share counts twice.
    """

    def __init__(self, pid: int, *, every_s: float = 0.5) -> None:
        self.pid = pid
        self.every_s = every_s
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, tree_memory(self.pid))
            if self._stop.wait(self.every_s):
                return


def tree_memory(pid: int) -> int:
    """Return the resident bytes of a process and its descendants; 0 when it is gone."""
    import psutil

    total = 0
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:  # it ended between the listing and the question
            continue
    return total
