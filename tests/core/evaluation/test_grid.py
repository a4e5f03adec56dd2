"""Tables as they come: gaps, repetitions, contradictions, words, and settings to choose among."""

from __future__ import annotations

import json
import math

import pytest

from bespoke_core.errors import InputError
from bespoke_core.evaluation.table import Row, parse_csv
from bespoke_core.evaluation.verdict import decide


def rows_of(means, *, prompts=4, seeds=3, **scores):
    return [
        Row(f"e{epoch}", epoch, f"p{i % prompts}", i // prompts, {"unique_colors": mean + i % 5, **scores})
        for epoch, mean in enumerate(means, 1)
        for i in range(prompts * seeds)
    ]


def notes(verdict):
    return " | ".join(verdict.not_measured)


def test_a_picture_given_twice_counts_once_and_is_said():
    rows = rows_of([100, 200])
    twice = decide([*rows, rows[0], rows[5]])
    assert [p.interval for p in twice.ranking] == [p.interval for p in decide(rows).ranking]
    assert "2 repeated rows" in notes(twice)


def test_of_a_picture_with_two_different_scores_neither_is_used_and_it_is_said():
    rows = rows_of([100, 200])
    other = Row("e1", 1, "p0", 0, {"unique_colors": 9000})
    verdict = decide([*rows, other])
    assert verdict.place("e1").interval.n == 11
    assert verdict.comparisons[0].pairs == 11
    assert "e1, p0, seed 0" in notes(verdict)


def test_a_score_that_is_missing_once_and_there_once_is_there():
    rows = rows_of([100, 200])
    verdict = decide([Row("e1", 1, "p0", 0, {"unique_colors": None}), *rows])
    assert verdict.place("e1").interval.n == 12
    assert "different scores" not in notes(verdict)


@pytest.mark.parametrize("bad", [None, math.nan, math.inf, "broken"])
def test_scores_that_are_no_numbers_are_left_out_and_said(bad):
    rows = rows_of([100, 200])
    verdict = decide([*rows[:-1], Row("e2", 2, "p3", 2, {"unique_colors": bad})])
    assert verdict.best == "e1"
    assert verdict.place("e2").interval.n == 11
    assert "1 of 24 pictures has no score" in notes(verdict)
    assert ("'broken'" in notes(verdict)) == (bad == "broken")
    json.dumps(verdict.to_dict(), allow_nan=False)


def test_a_checkpoint_that_lacks_the_hard_prompts_does_not_win_by_it():
    rows = [
        Row(f"e{epoch}", epoch, f"p{i}", 0, {"unique_colors": 100 + 50 * i + 10 * epoch + (i * epoch) % 3})
        for epoch in (1, 2, 3)
        for i in range(10)
        if not (epoch == 2 and i > 5)
    ]
    verdict = decide(rows)
    assert verdict.best == "e1"
    assert verdict.place("e2").interval.mean < verdict.place("e1").interval.mean
    assert verdict.place("e2").adjusted > verdict.place("e1").adjusted


def test_a_column_of_words_cannot_rank():
    with pytest.raises(InputError, match="holds no number"):
        decide(rows_of([100, 200], mood="fine"), by="mood")


def test_an_empty_table_and_one_without_scores_recommend_nothing():
    assert decide([]).best is None
    assert decide([Row("e1", 1, "p", 0, {"unique_colors": None})]).best is None


def test_a_table_read_from_a_file_keeps_what_contradicts_for_the_verdict_to_say():
    lines = ["checkpoint,epoch,prompt,seed,unique_colors"]
    lines += [f"e{e},{e},p{p},{s},{100 * e + p + s}" for e in (1, 2) for p in range(3) for s in range(3)]
    lines += ["e1,1,p0,0,100", "e2,2,p0,0,999"]
    verdict = decide(parse_csv("\n".join(lines)))
    assert "1 repeated row" in notes(verdict)
    assert "e2, p0, seed 0" in notes(verdict)


@pytest.mark.parametrize(("prompts", "seeds"), [(1, 1), (1, 8), (8, 1), (2, 1)])
def test_sweeps_of_one_prompt_or_one_seed_have_a_verdict_that_says_so(prompts, seeds):
    verdict = decide(rows_of([100, 200], prompts=prompts, seeds=seeds))
    assert verdict.best == "e1"
    assert ("only one seed" in notes(verdict)) == (seeds == 1)
    assert ("other prompts: only one was drawn" in notes(verdict)) == (prompts == 1)
    # The smallest p of n pairs is 2 / 2^n: with fewer than six nothing can be claimed.
    assert verdict.clear == (prompts * seeds >= 6)


def guidance_rows():
    return [
        Row(
            f"e{epoch}", epoch, f"p{i}", 0, {"unique_colors": 200 + 30 * (cfg == 9.0) + i + epoch, "cfg": cfg}
        )
        for epoch in (1, 2)
        for cfg in (7.0, 9.0)
        for i in range(6)
    ]


def test_a_setting_can_be_what_is_chosen_among():
    verdict = decide(guidance_rows(), over="cfg")
    assert verdict.best == "cfg 7.0"
    assert verdict.clear
    assert verdict.winner.interval.n == 12
    assert (verdict.comparisons[0].pairs, verdict.comparisons[0].difference) == (6, 30.0)
    assert verdict.to_dict()["over"] == "cfg"
    assert "better than every other setting" in verdict.text()


def test_settings_are_part_of_the_cell_when_checkpoints_are_chosen_among():
    verdict = decide(guidance_rows())
    assert verdict.best == "e1"
    assert verdict.winner.interval.n == 12
    assert (verdict.comparisons[0].pairs, verdict.comparisons[0].difference) == (6, 1.0)


def strengths(pairs):
    return [
        Row(
            "e1",
            1,
            f"p{i}",
            0,
            {"unique_colors": 200 + 30 * (unet == 0.8) + i, "strength_model": unet, "strength_clip": text},
        )
        for unet, text in pairs
        for i in range(8)
    ]


def test_a_strength_for_unet_and_text_encoder_alike_is_one_difference():
    verdict = decide(strengths([(0.8, 0.8), (1.0, 1.0)]), over="strength_model")
    assert verdict.best == "strength model 1.0"
    assert (verdict.comparisons[0].pairs, verdict.comparisons[0].difference) == (8, 30.0)


def test_strengths_that_go_each_with_each_are_compared_at_the_same_other_strength():
    rows = strengths([(0.8, 0.5), (0.8, 1.0), (1.0, 0.5)])
    verdict = decide(rows, over="strength_model")
    assert verdict.best == "strength model 1.0"
    assert "have no score" in " ".join(verdict.not_measured)


def test_with_and_without_a_negative_prompt_are_two_settings():
    rows = [
        Row("e1", 1, f"p{i}", 0, {"unique_colors": 200 + 30 * bool(text) + i, "negative_prompt": text})
        for text in ("blurry", None)
        for i in range(8)
    ]
    verdict = decide(rows, over="negative_prompt")
    assert verdict.best == "no negative prompt"


def test_runs_are_paired_epoch_by_epoch():
    rows = [
        Row(f"dim{dim}/e{e}", e, f"p{i}", 0, {"unique_colors": 100 + dim + 20 * e + i, "run": f"dim {dim}"})
        for dim in (16, 64)
        for e in (1, 2)
        for i in range(6)
    ]
    verdict = decide(rows, over="run")
    assert verdict.best == "run dim 16"
    assert verdict.winner.interval.n == 12
    assert (verdict.comparisons[0].pairs, verdict.comparisons[0].difference) == (6, 48.0)


@pytest.mark.parametrize("over", ["prompt", "unique_colors", "guidnce"])
def test_what_is_no_setting_cannot_be_chosen_among(over):
    with pytest.raises(InputError, match="cfg"):
        decide(guidance_rows(), over=over)


def test_scores_under_what_the_vae_makes_of_true_art_prove_nothing():
    under = decide(rows_of([100, 200], vae_floor=291))
    assert under.tied_with_best == ("e2",)
    assert not under.clear
    assert "says nothing about the LoRA" in under.text()
    above = decide(rows_of([300, 400], vae_floor=291))
    assert above.clear
    assert (
        decide(rows_of([100, 200], vae_floor=291, perceptual_colors=5), by="perceptual_colors").floor is None
    )
