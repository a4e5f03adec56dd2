"""Judging the demo's verdict by held-out loss: the sentence must say what the numbers say."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[3] / "benchmarks"))

from demo_verdict import table


def verdict(best: str | None) -> dict:
    places = [
        {"checkpoint": name, "mean": mean, "low": mean - 1, "high": mean + 1, "follow_share": 1.0}
        for name, mean in (("a", 5.0), ("b", 3.0), ("c", 4.0))
    ]
    return {"by": "palette_distance", "best": best, "ranking": places}


LOSSES = {"base": 0.2, "a": 0.12, "b": 0.10, "c": 0.11}


def test_a_pick_with_the_lowest_loss_is_said_to_be_right() -> None:
    text = table(LOSSES, verdict("b"))
    assert "| b **picked** | 3.00 (2.00 to 4.00) | 100% | 0.1000 |" in text
    assert "The verdict picked b, which also has the lowest held-out loss." in text
    assert "10.0% above the lowest: training went past its best point" in text
    assert "| base | - | - | 0.2000 |" in text


def test_another_pick_is_told_with_its_place_and_its_cost() -> None:
    assert "the lowest held-out loss is b's, and c's is 10.0% above it (place 2 of 3)" in table(
        LOSSES, verdict("c")
    )


def test_no_pick_and_a_run_that_still_improves_are_said() -> None:
    text = table({"base": 0.2, "a": 0.12, "b": 0.11, "c": 0.10}, verdict(None))
    assert "picked none" in text
    assert "The last epoch has the lowest held-out loss." in text
