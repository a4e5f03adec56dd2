"""How often the verdict errs, in a few scenarios with few sweeps: the benchmark in small."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "benchmarks"))

from sweep_simulation import SCENARIOS, Scenario, Source
from verdict_calibration import measure

from bespoke_core.evaluation.verdict import decide

LEVEL = (250.0, 250.0)


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario("small, equal, few pairs", LEVEL, prompts=4, seeds=2),
        Scenario("small, equal, skewed apart", LEVEL, noises=(0.15, 0.6), seeds=2),
        Scenario("small, equal, own prompts", LEVEL, own_spread=40, prompts=8, seeds=2),
        Scenario("small, the lowest does not follow", (150.0, 250.0), seeds=2, follows=(0.45, 0.95)),
    ],
    ids=lambda scenario: scenario.name,
)
def test_a_wrong_winner_is_declared_in_few_sweeps_only(scenario):
    rates = measure(scenario, 120)
    assert rates.wrong <= 10 / 120  # 6 expected at 5 %; 11 or more in under 2 %
    assert rates.covered >= 0.88


def test_a_best_checkpoint_that_is_far_ahead_is_found():
    rates = measure(Scenario("small, far ahead", (180.0, 260.0, 260.0), seeds=3), 40)
    assert rates.right >= 0.65  # 87 % expected; 25 or fewer of 40 in under 1 in 1,000
    assert rates.wrong == 0


def test_the_truly_best_is_hardly_ever_left_out():
    scenario = Scenario("small, near tie", (200.0, 203.0, 260.0), seeds=2)
    assert measure(scenario, 60).kept >= 0.9


def test_the_same_scenario_gives_the_same_sweeps():
    first, second = (Source(SCENARIOS[0], np.random.default_rng(1)).sweep().rows for _ in range(2))
    assert first == second
    assert decide(first).to_dict() == decide(second).to_dict()


def test_every_scenario_can_be_drawn_and_has_a_best():
    for scenario in SCENARIOS:
        sweep = Source(scenario, np.random.default_rng(0)).sweep()
        assert sweep.best
        assert len(sweep.rows) == len(scenario.means) * scenario.prompts * scenario.seeds * scenario.settings
