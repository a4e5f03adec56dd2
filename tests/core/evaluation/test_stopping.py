"""Whether a run that is swept as it trains should go on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bespoke_core.evaluation.stopping import should_stop
from bespoke_core.evaluation.table import Row


def rows_of(means, *, cells=12, noise=15.0, match=None, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Row(
            f"e{epoch}",
            epoch,
            f"p{i % 6}",
            i // 6,
            {
                "unique_colors": mean + 20 * (i % 6) + float(rng.normal(0, noise)),
                **({"background_match": match[epoch - 1]} if match else {}),
            },
        )
        for epoch, mean in enumerate(means, 1)
        for i in range(cells)
    ]


def test_a_run_that_is_worse_beyond_chance_is_stopped_and_its_best_named():
    advice = should_stop(rows_of([300, 200, 150, 200, 230, 250]))
    assert advice.stop
    assert (advice.best, advice.best_epoch, advice.last_epoch) == ("e3", 3, 6)
    assert "worse" in advice.reason
    assert advice.p <= 0.05
    json.dumps(advice.to_dict(), allow_nan=False)


def test_a_run_that_gains_nothing_any_more_is_stopped():
    advice = should_stop(rows_of([300, 250, 200, 200, 201, 202, 201, 203, 202], noise=4))
    assert advice.stop


def test_a_run_that_no_longer_draws_what_is_asked_is_stopped_however_few_its_colours():
    matches = ["yes", "yes", "no", "no", "no"]
    advice = should_stop(rows_of([300, 250, 200, 150, 100], match=matches))
    assert advice.stop and advice.best_epoch == 2
    assert "no longer draw what the prompts ask for" in advice.reason
    assert not should_stop(rows_of([300, 250, 200, 150, 100], match=matches, cells=4)).stop, "too few to tell"
    back = should_stop(rows_of([300, 250, 200, 150, 240], match=[*matches[:4], "yes"]))
    assert not back.stop


def test_a_run_that_still_improves_goes_on():
    assert not should_stop(rows_of([300, 280, 260, 240, 220, 200])).stop


def test_three_worse_epochs_that_may_be_chance_do_not_stop_a_run():
    advice = should_stop(rows_of([300, 250, 200, 201, 204, 202], noise=60, cells=6))
    assert not advice.stop
    assert advice.reason.endswith(("draw more seeds to be sure.", "go on."))


def test_patience_is_waited_for():
    rows = rows_of([300, 200, 150, 300, 300])
    assert not should_stop(rows, patience=3).stop
    assert should_stop(rows, patience=2).stop


def test_flat_wrong_pictures_are_no_reason_to_go_on():
    match = ["yes", "yes", "yes", "no", "no", "no"]
    advice = should_stop(rows_of([300, 200, 150, 60, 50, 40], match=match))
    assert advice.best == "e3"


@pytest.mark.parametrize("rows", [[], [Row("base", None, "p", 0, {"unique_colors": 5})]])
def test_nothing_measured_is_no_reason_to_stop(rows):
    advice = should_stop(rows)
    assert not advice.stop
    assert advice.best is None


def test_a_missing_epoch_and_missing_pictures_do_not_break_the_advice():
    rows = [r for r in rows_of([300, 200, 150, 200, 230, 250, 260]) if r.epoch != 4]
    del rows[3], rows[20]
    assert should_stop(rows).best == "e3"


def test_a_score_where_more_is_better_is_turned_around():
    rows = [
        Row(
            r.checkpoint,
            r.epoch,
            r.prompt,
            r.seed,
            {"grid_fidelity": 1000 - (r.number("unique_colors") or 0)},
        )
        for r in rows_of([300, 200, 150, 200, 230, 250])
    ]
    advice = should_stop(rows, by="grid_fidelity")
    assert (advice.stop, advice.best) == (True, "e3")


def test_further_settings_of_the_same_noise_prove_nothing_more():
    worse = [200.0, 150.0, 160.0, 160.0, 160.0]
    once = [
        Row(f"e{epoch}", epoch, f"p{i}", 0, {"unique_colors": mean + 40 * i + 3 * (i % 3) * epoch})
        for epoch, mean in enumerate(worse, 1)
        for i in range(4)
    ]
    thrice = [
        Row(row.checkpoint, row.epoch, row.prompt, row.seed, {**row.scores, "cfg": cfg})
        for row in once
        for cfg in (6.0, 7.0, 8.0)
    ]
    advice = should_stop(once)
    assert should_stop(thrice) == advice
    assert not advice.stop
