"""Which checkpoint to use, and how sure that is."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from experiment import experiment_rows

from bespoke_core.errors import InputError
from bespoke_core.evaluation.control_reasons import base_reasons
from bespoke_core.evaluation.shape import shape_over_epochs
from bespoke_core.evaluation.table import Row
from bespoke_core.evaluation.verdict import decide
from bespoke_core.evaluation.why import why_not


def rows_of(means, *, prompts=4, seeds=3, match=None, noise=1.0):
    """Return rows whose checkpoint e1, e2, ... has the given mean; noise alternates and cancels."""
    rows = []
    for epoch, mean in enumerate(means, 1):
        for index in range(prompts * seeds):
            scores = {"unique_colors": mean + noise * (-1) ** index}
            if match:
                scores["background_match"] = match[epoch - 1]
            rows.append(Row(f"e{epoch}", epoch, f"p{index // seeds}", index % seeds, scores))
    return rows


def test_the_experiments_table_gives_its_headline_figures():
    earlier = [Row("keep-tokens-3", 9, "green", 0, {"unique_colors": 301})]
    verdict = decide(experiment_rows(), baseline=earlier)
    assert verdict.best == "bespoke-000008"
    assert verdict.winner is not None
    assert round(verdict.winner.interval.mean, 1) == 216.6
    assert verdict.best_per_prompt["green"] == "bespoke-000005"
    assert verdict.baseline is not None
    assert round(verdict.baseline.change) == -28
    assert "bespoke-000005" in verdict.tied_with_best
    assert not verdict.clear
    # The means go up and down, but seven pictures an epoch do so by chance in one case in six.
    assert verdict.shape.phase == "levelling off"
    assert "28 % fewer" in verdict.text()


def test_a_checkpoint_with_wrong_backgrounds_cannot_win_by_few_colours():
    verdict = decide(rows_of([50, 200, 210], match=["no", "yes", "yes"]))
    assert verdict.best == "e2"
    assert [p.checkpoint for p in verdict.ranking] == ["e2", "e3", "e1"]
    assert set(verdict.best_per_prompt.values()) == {"e2"}
    assert "e1" not in {c.checkpoint for c in verdict.comparisons}


def test_flat_pictures_cannot_win_even_when_nothing_else_was_measured():
    assert decide(rows_of([1, 200], noise=0)).best == "e2"


def test_when_none_follows_the_least_bad_is_named_and_never_clear():
    verdict = decide(rows_of([100, 200], match=["no", "no"]))
    assert verdict.best == "e1"
    assert not verdict.clear
    assert "least bad" in verdict.text()
    assert set(verdict.best_per_prompt.values()) == {None}


def test_a_large_steady_difference_is_a_clear_win():
    verdict = decide(rows_of([100, 200, 300]))
    assert verdict.clear
    assert verdict.tied_with_best == ()


def test_a_win_with_one_seed_is_about_that_seed_alone():
    verdict = decide([row for row in rows_of([100, 200], prompts=8) if row.seed == 2])
    form = verdict.to_dict()
    assert verdict.clear
    assert (form["only_seed"], form["clear_for_new_seeds"]) == (2, False)
    assert verdict.text().splitlines()[0].endswith("beyond chance, with seed 2, the only one compared.")
    assert "others of their kind, drawn with seed 2; other seeds may say otherwise" in verdict.text()
    several = decide(rows_of([100, 200], prompts=8)).to_dict()
    assert (several["only_seed"], several["clear_for_new_seeds"]) == (None, True)


def test_seeds_that_only_the_rival_has_do_not_widen_the_claim():
    rows = [r for r in rows_of([100, 200], prompts=8) if r.checkpoint == "e2" or r.seed == 2]
    rows += [Row("e1", 1, f"p{p}", 9, {"unique_colors": 100}) for p in range(4)]
    assert decide(rows).only_seed == 2


@pytest.mark.parametrize(
    ("by", "below"), [("unique_colors", False), ("palette_distance", False), ("excess_colors", True)]
)
def test_no_interval_reaches_below_what_the_score_can_be(by, below):
    rows = [Row(f"e{e}", e, f"p{i}", 0, {by: value}) for e in (1, 2) for i, value in enumerate((1, 2, 3, 60))]
    rows += [Row("base", None, "p0", 0, {by: 1}), Row("base", None, "p1", 0, {by: 40})]
    verdict = decide(rows, by=by)
    lows = [place["low"] for place in (*verdict.to_dict()["ranking"], verdict.to_dict()["base"])]
    assert all(low < 0 if below else low == 0 for low in lows)
    assert ("-" in verdict.reasons[1].split("interval")[1]) == below


def test_small_distances_are_told_apart_wherever_they_are_shown(tmp_path):
    from bespoke_core.evaluation.report import write_report

    rows = [
        Row(f"e{e}", e, f"p{i}", 0, {"palette_distance": 0.03 * e + 0.001 * i})
        for e in (1, 2)
        for i in range(8)
    ]
    verdict = decide(rows, by="palette_distance")
    page = write_report(tmp_path, rows, verdict, pictures=[], settings={})["html"].read_text(encoding="utf-8")
    for text in (verdict.text(), page):
        assert "0.0335" in text
        assert "0.0635" in text
    assert "0.0300 more than epoch 1" in page


def close_pair(pictures, noise):
    """Return two checkpoints that differ by 0.1 in the mean, by `noise` and its opposite in the pictures."""
    return [
        Row(f"e{e}", e, f"p{i}", 0, {"unique_colors": 200 + e * 0.1 + (e - 1) * noise * (-1) ** i})
        for e in (1, 2)
        for i in range(pictures)
    ]


@pytest.mark.parametrize(
    ("pictures", "noise", "said", "alike"),
    [
        (2, 10, "2 common pictures are too few to tell whether they are equally good", False),
        (4, 10, "4 common pictures are too few to tell whether they are equally good", False),
        (40, 10, "for all that matters they are equally good (less than 5 % apart", True),
        (8, 100, "that they are equally good is not shown either", False),
    ],
)
def test_equally_good_is_said_of_enough_pictures_only(pictures, noise, said, alike):
    verdict = decide(close_pair(pictures, noise))
    assert said in verdict.text()
    assert verdict.comparisons[0].to_dict()["alike"] is alike


def test_equal_means_go_to_fewer_epochs_and_stay_tied():
    verdict = decide(list(reversed(rows_of([100, 100, 100]))))
    assert verdict.best == "e1"
    assert verdict.tied_with_best == ("e2", "e3")
    assert not verdict.clear


def test_the_base_model_is_a_control_and_never_wins():
    base = [Row("base", None, f"p{i}", 0, {"unique_colors": 5}) for i in range(4)]
    verdict = decide([*base, *rows_of([100, 200])])
    assert verdict.best == "e1"
    assert verdict.base is not None
    assert verdict.base.interval.mean == 5
    assert all(place.checkpoint != "base" for place in verdict.ranking)


def with_base(mean, means, **grid):
    rows = rows_of([mean, *means], **grid)
    return [
        Row("base", None, row.prompt, row.seed, row.scores)
        if row.checkpoint == "e1"
        else Row(f"e{row.epoch - 1}", row.epoch - 1, row.prompt, row.seed, row.scores)
        for row in rows
    ]


def test_better_than_the_base_model_is_said_where_a_test_says_so():
    better, worse = decide(with_base(300, [200, 210])), decide(with_base(100, [200, 210]))
    assert "epoch 1 scores better, beyond chance (12 common pictures, p" in better.text()
    assert better.to_dict()["base_comparison"]["better"]
    assert "epoch 1 scores worse, beyond chance" in worse.text()


def test_a_base_model_that_chance_may_explain_is_not_called_beaten():
    few = decide(with_base(300, [200, 210], prompts=2, seeds=2))
    assert "epoch 1 has a lower mean, but chance may explain that (4 common pictures" in few.text()
    assert "beyond chance" not in " ".join(few.reasons[-1:])
    same = decide(with_base(200, [200]))
    assert "epoch 1 has the same mean over the 12 common pictures" in same.text()


def test_the_base_model_is_compared_over_the_same_prompts_and_seeds_only():
    rows = [*rows_of([200]), *(Row("base", None, f"p{i}", 99, {"unique_colors": 400}) for i in range(12))]
    assert "no picture of epoch 1 has its prompt and seed" in decide(rows).text()


def test_the_strength_of_a_lora_does_not_keep_it_from_the_base_model():
    rows = [
        Row(r.checkpoint, r.epoch, r.prompt, r.seed, {**r.scores, "strength_model": None if r.is_base else s})
        for r in with_base(300, [200])
        for s in ((1.0,) if r.is_base else (0.8, 1.0))
    ]
    found = decide(rows).base_comparison
    assert (found.pairs, found.better) == (12, True)


def test_the_best_of_many_checkpoints_must_beat_the_base_model_by_more_than_luck():
    # six pictures: p = 0.031 alone, which nine other checkpoints could have had as well
    noise = {"prompts": 6, "seeds": 1}
    assert decide(with_base(300, [200], **noise)).base_comparison.better
    assert not decide(with_base(300, [200, *[299] * 9], **noise)).base_comparison.better


def test_the_best_mean_on_a_prompt_is_said_to_be_untested():
    verdict = decide(rows_of([100, 200]))
    assert "Lowest mean on each prompt (not tested, chance may explain it): p0: epoch 1" in verdict.text()
    assert verdict.to_dict()["best_per_prompt_tested"] is False
    for row in (rows := rows_of([100, 200])):
        row.scores["grid_fidelity"] = row.scores["unique_colors"]
    assert "Highest mean on each prompt" in decide(rows, by="grid_fidelity").text()


def test_only_the_base_model_leaves_nothing_to_recommend():
    verdict = decide([Row("base", None, "p", 0, {"unique_colors": 5})])
    assert verdict.best is None
    assert "nothing to recommend" in verdict.text()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (rows_of([100]), "only one there is nothing to compare"),
        (rows_of([100, 120], seeds=1), "only one seed"),
        (rows_of([100, 120])[:-1], "1 of 24 pictures has no score"),
        ([*rows_of([100]), Row("e2", 2, "p0", 0, {"unique_colors": math.nan})], "e2: no picture has a score"),
    ],
)
def test_what_was_not_measured_is_said(rows, said):
    assert any(said in note for note in decide(rows).not_measured)


def test_a_single_lucky_picture_does_not_beat_a_full_checkpoint():
    rows = [*rows_of([100]), Row("e2", 2, "p0", 0, {"unique_colors": 20})]
    assert decide(rows).best == "e1"


def test_missing_cells_are_compared_over_the_common_ones():
    rows = [row for row in rows_of([100, 200]) if not (row.checkpoint == "e2" and row.prompt == "p0")]
    assert decide(rows).comparisons[0].pairs == 9


def test_the_json_form_keeps_its_keys_and_holds_no_nan():
    form = decide(rows_of([100], prompts=1, seeds=1)).to_dict()
    json.dumps(form, allow_nan=False)
    assert {"ranking", "best", "tied_with_best", "best_per_prompt", "baseline_change", "reasons"} <= set(form)
    keys = {"checkpoint", "epoch", "mean", "low", "high", "n", "follows_prompts"}
    assert keys <= set(form["ranking"][0])
    assert form["ranking"][0]["low"] is None


def test_the_same_rows_give_the_same_verdict():
    rows = experiment_rows()
    assert decide(rows, seed=1).to_dict() == decide(rows, seed=1).to_dict()


def test_no_trend_is_claimed_where_chance_explains_the_differences():
    import numpy as np

    chance = np.random.default_rng(3)
    rows = [
        Row(f"e{epoch}", epoch, f"p{cell}", 0, {"unique_colors": float(570 + chance.normal() * 5)})
        for epoch in range(1, 5)
        for cell in range(8)
    ]
    verdict = decide(rows)
    assert verdict.shape.phase == "within chance"
    assert "more seeds" in verdict.shape.advice


def test_a_trend_that_chance_does_not_explain_is_named():
    rows = [
        Row(f"e{epoch}", epoch, f"p{cell}", 0, {"unique_colors": 400 - 50 * epoch + cell})
        for epoch in range(1, 5)
        for cell in range(8)
    ]
    assert decide(rows).shape.phase == "improving"


def test_pictures_without_a_clear_answer_are_said_to_have_none():
    verdict = decide(rows_of([100, 200, 300], match=["unclear"] * 3))
    assert "No picture gives a clear answer" in verdict.text()
    assert "look at the pictures before you use it" in verdict.text().splitlines()[0]
    assert verdict.best == "e1"
    assert not verdict.clear


def test_a_misspelt_score_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match="unique_colors"):
        decide(rows_of([100]), by="unique_colours")


@pytest.mark.parametrize(
    ("means", "phase"),
    [
        ([300, 200], "too few epochs"),
        ([300, 250, 200, 150], "improving"),
        ([300, 200, 150, 200, 260], "past its peak"),
        ([300, 200, 290, 210, 280], "oscillating"),
        ([200, 200, 200], "level"),
    ],
)
def test_the_course_over_the_epochs_is_named(means, phase):
    assert shape_over_epochs(dict(enumerate(means, 1))).phase == phase


def answers_of(means, answers):
    """Return rows of nine pictures a checkpoint, of which so many follow their prompt."""
    return [
        Row(
            f"e{epoch}",
            epoch,
            f"p{i % 3}",
            i // 3,
            {"unique_colors": mean + i, "background_match": "yes" if i < yes else "no"},
        )
        for epoch, (mean, yes) in enumerate(zip(means, answers, strict=True), 1)
        for i in range(9)
    ]


def test_a_winner_whose_following_may_be_luck_is_not_clear():
    sure, lucky = decide(answers_of([100, 200], [9, 9])), decide(answers_of([100, 200], [5, 9]))
    assert sure.clear
    assert (lucky.best, lucky.clear) == ("e1", False)
    assert "too few clear answers" in lucky.text().splitlines()[0]


def test_who_scores_better_and_may_follow_after_all_leaves_the_win_open():
    verdict = decide(answers_of([100, 200], [4, 9]))
    assert (verdict.best, verdict.doubtful, verdict.clear) == ("e2", ("e1",), False)
    assert "is not sure" in verdict.text()
    assert decide(answers_of([100, 200], [0, 9])).clear


def test_two_answers_of_one_picture_are_not_two_pictures():
    rows = [
        Row(
            f"e{epoch}",
            epoch,
            f"p{i}",
            0,
            {"unique_colors": 100 * epoch + i, "background_match": "yes", "feature_match": "yes"},
        )
        for epoch in (1, 2)
        for i in range(5)
    ]
    assert not decide(rows).place("e1").following.sure


def test_every_place_says_why_it_was_not_chosen():
    from bespoke_core.evaluation.why import why_not

    verdict = decide(answers_of([300, 200, 100, 205], [9, 9, 0, 9]))
    told = {place.checkpoint: why_not(verdict, place) for place in verdict.ranking}
    assert told["e2"] == "chosen"
    assert told["e1"].startswith("worse: 100.0 more than epoch 2")
    assert told["e3"] == "does not follow the prompts: 0 of 9 clear answers are yes"


def test_where_most_epochs_ignore_the_prompts_the_course_says_so_instead_of_asking_for_epochs():
    verdict = decide(rows_of([300, 310, 290, 440, 500], match=["no", "no", "no", "yes", "yes"]))
    assert verdict.shape.phase == "too few epochs"
    assert verdict.shape.advice.startswith("Only 2 epochs follow the prompts")
    one = decide(rows_of([300, 310, 290], match=["no", "no", "yes"]))
    assert one.shape.advice.startswith("Only 1 epoch follows the prompts")
    assert "Test at least three epochs" in decide(rows_of([300, 310])).shape.advice


def test_a_small_p_value_is_not_said_to_be_chance_where_only_the_interval_disagrees():
    rows = [Row("base", None, f"p{i // 3}", i % 3, {"unique_colors": 400 + i}) for i in range(12)]
    verdict = decide([*rows_of([200]), *rows])
    found, best = verdict.base_comparison, verdict.winner
    assert found is not None and best is not None and found.better
    unsure = replace(verdict, base_comparison=replace(found, better=False))
    told = " ".join(base_reasons(unsure, best))
    assert "is not sure: the paired test says so" in told
    assert "chance may explain" not in told


def test_one_more_seed_is_one():
    verdict = decide(rows_of([200, 203], noise=9))
    one = replace(
        verdict, comparisons=tuple(replace(c, more_seeds=1, confirmed=False) for c in verdict.comparisons)
    )
    assert why_not(one, one.ranking[1]).endswith("about 1 more seed would tell")


def test_a_distance_is_lower_where_a_count_is_fewer():
    rows = [
        Row(f"e{e}", e, f"p{i}", 0, {"unique_colors": 9 + e, "edge_distance": 0.1 * e})
        for e in (1, 2)
        for i in range(4)
    ]
    assert "(fewer is better)" in decide(rows).text()
    assert "(lower is better)" in decide(rows, by="edge_distance").text()
