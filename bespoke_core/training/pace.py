"""How fast a run goes and how long it will still take, whatever else the machine does meanwhile."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable

_STEPS = 50
_ASLEEP_SECONDS = 30.0
"""Time by the wall that a running clock did not see: more than clocks are corrected by."""


class Pace:
    """The running time of a step, the time left, and whether the machine slept.

    Args:
        clock: seconds that go on evenly while the machine is awake; `time.perf_counter`.
        wall: seconds since 1970, which may jump either way; `time.time`.
    """

    def __init__(
        self, clock: Callable[[], float] = time.perf_counter, wall: Callable[[], float] = time.time
    ) -> None:
        self._clock, self._wall = clock, wall
        self._steps: deque[float] = deque(maxlen=_STEPS)
        self._pauses: deque[float] = deque(maxlen=_STEPS)
        self._began = clock()
        self._paused: float | None = None
        self._gap = wall() - clock()

    def begin(self) -> None:
        """A step begins."""
        self._began = self._clock()
        if self._paused is not None:
            self._pauses.append(self._began - self._paused)
            self._paused = None

    def end(self) -> float:
        """A step has ended; return its seconds."""
        seconds = max(1e-9, self._clock() - self._began)
        self._steps.append(seconds)
        return seconds

    def pause(self) -> None:
        """An epoch has ended: until the next step, files and judgements take their time."""
        self._paused = self._clock()

    @property
    def seconds(self) -> float:
        """The time of a step: the mean of the latest without the slowest and the fastest tenth."""
        ordered = sorted(self._steps)
        cut = max(1, len(ordered) // 10) if len(ordered) > 2 else 0  # a pause is never part of the mean
        return statistics.fmean(ordered[cut : len(ordered) - cut] or ordered)

    def left(self, steps: int, epochs: int) -> float:
        """Return the seconds that so many more steps, and the ends of so many more epochs, will take."""
        pause = statistics.median(self._pauses) if self._pauses else 0.0
        return steps * self.seconds + epochs * pause

    def slept(self) -> float:
        """Return the seconds that the machine slept, or its clock was set on, since the last call; else 0.

        A clock that was set back counts as nothing.
        """
        gap = self._wall() - self._clock()
        jump, self._gap = gap - self._gap, gap
        return jump if jump > _ASLEEP_SECONDS else 0.0
