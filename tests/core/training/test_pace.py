"""Rate and time left, on machines that pause, sleep and set their clocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bespoke_core.training.pace import Pace


class Clock:
    """A running clock and the one on the wall."""

    def __init__(self) -> None:
        self.running, self.wall = 100.0, 1_000_000.0

    def go(self, seconds: float) -> None:
        self.running += seconds
        self.wall += seconds


def steps(pace: Pace, clock: Clock, *seconds: float) -> None:
    for one in seconds:
        pace.begin()
        clock.go(one)
        pace.end()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(lambda: clock.running, lambda: clock.wall)


def test_one_pause_does_not_change_the_rate(pace: Pace, clock: Clock) -> None:
    steps(pace, clock, *[2.0] * 20, 3600.0, *[2.0] * 5)
    assert pace.seconds == pytest.approx(2.0)
    assert pace.left(10, 0) == pytest.approx(20.0)


def test_the_time_left_counts_what_is_done_between_epochs(pace: Pace, clock: Clock) -> None:
    steps(pace, clock, 1.0, 1.0, 1.0)
    pace.pause()
    clock.go(30.0)
    steps(pace, clock, 1.0)
    assert pace.left(10, 2) == pytest.approx(70.0)


def test_a_sleep_is_told_once_and_a_clock_set_back_is_none(pace: Pace, clock: Clock) -> None:
    steps(pace, clock, 1.0)
    assert pace.slept() == 0
    clock.wall += 7200  # the running clock stands while the machine sleeps
    assert pace.slept() == pytest.approx(7200)
    assert pace.slept() == 0
    clock.wall -= 7200
    assert pace.slept() == 0


@given(seconds=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=120))
def test_the_rate_lies_among_the_steps(seconds: list[float]) -> None:
    clock = Clock()
    pace = Pace(lambda: clock.running, lambda: clock.wall)
    steps(pace, clock, *seconds)
    assert min(seconds) * 0.99 <= pace.seconds <= max(seconds) * 1.01
