"""What holds of the verdict on any table: hypothesis draws them."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bespoke_core.evaluation.table import Row
from bespoke_core.evaluation.verdict import decide

FEW = settings(max_examples=25, deadline=None)
BY = "palette_distance"


@st.composite
def tables(draw, *, missing=False, checkpoints=(2, 4), least=1):
    """Return the rows of a sweep; its scores are whole numbers, so that sums are exact."""
    count, prompts = draw(st.integers(*checkpoints)), draw(st.integers(1, 4))
    fewest = -(-least // prompts)
    seeds = draw(st.integers(fewest, fewest + 4))
    kinds = st.integers(1, 400) if not missing else st.none() | st.integers(1, 400)
    answers = draw(st.sampled_from([("yes", "no", "unclear"), ("yes",), ("not measured",)]))
    rows = []
    for name in [*(f"e{epoch}" for epoch in range(1, count + 1)), "base"]:
        epoch = None if name == "base" else int(name[1:])
        values = draw(st.lists(kinds, min_size=prompts * seeds, max_size=prompts * seeds))
        for index, value in enumerate(values):
            match = draw(st.sampled_from(answers))
            scores = {BY: value, "background_match": match}
            rows.append(Row(name, epoch, f"p{index // seeds}", index % seeds, scores))
    return rows


def scored(rows, change):
    return [replace(row, scores={**row.scores, BY: change(row)}) for row in rows]


@FEW
@given(tables(missing=True), st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_the_rows_changes_nothing(rows, order: random.Random, twice):
    assume(any(row.scores[BY] is not None for row in rows))
    mixed = [*rows, *rows[:3], *rows[:1]] if twice else list(rows)
    other = list(mixed)
    order.shuffle(other)
    first, second = (decide(one, by=BY, baseline=rows).to_dict() for one in (mixed, other))
    assert json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


@FEW
@given(tables(), st.lists(st.integers(-300, 3000), min_size=4, max_size=4))
def test_harder_prompts_change_no_comparison(rows, hardness):
    harder = scored(rows, lambda row: row.scores[BY] + hardness[int(row.prompt[1:])])
    first, second = decide(rows, by=BY), decide(harder, by=BY)
    assert (first.best, first.clear) == (second.best, second.clear)
    assert first.tied_with_best == second.tied_with_best
    assert first.base_comparison == second.base_comparison
    for one, other in zip(first.comparisons, second.comparisons, strict=True):
        assert (one.p, one.p_holm, one.difference) == (other.p, other.p_holm, other.difference)
        assert (one.more_seeds, one.confirmed) == (other.more_seeds, other.confirmed)


@FEW
@given(tables(), st.sampled_from([1 / 1024, 0.5, 3, 1000]))
def test_another_unit_of_the_score_changes_no_winner(rows, factor):
    first = decide(rows, by=BY)
    second = decide(scored(rows, lambda row: row.scores[BY] * factor), by=BY)
    assert (first.best, first.clear, first.doubtful) == (second.best, second.clear, second.doubtful)
    assert first.tied_with_best == second.tied_with_best
    assert first.shape.phase == second.shape.phase
    assert [c.p_holm for c in first.comparisons] == [c.p_holm for c in second.comparisons]


@FEW
@given(tables(missing=True, checkpoints=(1, 1)), st.integers(2, 5))
def test_identical_checkpoints_never_have_a_winner(rows, copies):
    own = [
        replace(row, checkpoint=f"copy{e}", epoch=e) for row in rows if not row.is_base for e in range(copies)
    ]
    assume(any(row.scores[BY] is not None for row in own))
    verdict = decide(own, by=BY)
    assert not verdict.clear
    assert verdict.best == "copy0"  # of equals, the one with fewer epochs
    assert len(verdict.tied_with_best) == copies - 1
    assert not any(c.more_seeds for c in verdict.comparisons)


@FEW
@given(tables(least=8), st.integers(0, 3))
def test_a_twin_of_the_best_takes_its_win_away(rows, which):
    names = sorted({row.checkpoint for row in rows if not row.is_base})
    best = names[which % len(names)]
    far = scored(rows, lambda row: row.scores[BY] + (0 if row.checkpoint == best else 5000))
    plain = [replace(row, scores={BY: row.scores[BY]}) for row in far]
    twin = [replace(row, checkpoint="twin", epoch=9) for row in plain if row.checkpoint == best]
    assert decide(plain, by=BY).best == best
    verdict = decide([*plain, *twin], by=BY)
    assert {verdict.best, *verdict.tied_with_best} >= {best, "twin"}
    assert not verdict.clear


@pytest.mark.parametrize("factor", [1, 1e-6])
def test_tiny_scores_can_win_as_large_ones_do(factor):
    rows = [
        Row(f"e{e}", e, f"p{i % 4}", i // 4, {BY: factor * (100 * e + i)}) for e in (1, 2) for i in range(12)
    ]
    assert decide(rows, by=BY).clear
