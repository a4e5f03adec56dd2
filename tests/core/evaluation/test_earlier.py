"""The comparison with an earlier sweep."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bespoke_core.evaluation.table import Row
from bespoke_core.evaluation.verdict import decide


def sweep(mean, *, prompts=6, seeds=2, first_seed=0, **scores):
    return [
        Row("e1", 1, f"p{p}", first_seed + s, {"unique_colors": mean + 3 * p + s, **scores})
        for p in range(prompts)
        for s in range(seeds)
    ]


def test_the_same_prompts_and_seeds_are_compared_pair_by_pair():
    baseline = decide(sweep(200), baseline=sweep(250)).baseline
    assert baseline is not None
    assert (baseline.pairs, baseline.proved) == (12, True)
    assert baseline.change == pytest.approx(-100 * 50 / 258)
    assert baseline.to_dict()["comparable"]


@pytest.mark.parametrize(
    ("earlier", "named"),
    [
        (sweep(250, prompts=4), "prompts only here: p4, p5"),
        (sweep(250, prompts=7), "prompts only in the earlier table: p6"),
        (sweep(250, first_seed=9), "seeds only here: 0, 1"),
    ],
)
def test_other_prompts_or_seeds_are_named_and_nothing_is_called_proved(earlier, named):
    verdict = decide(sweep(200), baseline=earlier)
    assert verdict.baseline is not None
    assert not verdict.baseline.proved
    assert verdict.baseline.change is not None
    assert named in verdict.text()


@pytest.mark.parametrize(
    ("ours", "theirs", "named"),
    [
        ({"width": 512}, {"width": 768}, "width (512 here, 768 there)"),
        ({"base": "sd15"}, {"base": "other"}, "base (sd15 here, other there)"),
        ({"cfg": [7.0, 7.5]}, {"cfg": 9}, "cfg (7, 7.5 here, 9 there)"),
    ],
)
def test_pictures_made_in_another_way_are_not_compared(ours, theirs, named):
    verdict = decide(sweep(200), baseline=sweep(250), conditions=(ours, theirs))
    assert verdict.baseline is not None
    assert verdict.baseline.change is None
    assert verdict.to_dict()["baseline_change"] is None
    assert named in verdict.text()


@pytest.mark.parametrize(
    ("earlier", "said"),
    [
        ([], "the change from the earlier table: it holds no row"),
        (
            [Row("old", 1, "p0", 0, {"unique_colors": None})],
            "the change from the earlier table: none of its checkpoints has a number in unique_colors",
        ),
        (
            [
                Row("old", 1, "p0", 0, {"unique_colors": None}),
                Row("base", None, "p0", 0, {"unique_colors": 3}),
            ],
            "the change from the earlier table: none of its checkpoints has a number in unique_colors",
        ),
    ],
)
def test_an_earlier_table_without_scores_is_not_passed_over_in_silence(earlier, said):
    verdict = decide(sweep(200), baseline=earlier)
    assert said in verdict.not_measured
    assert verdict.to_dict()["baseline"] is None


def test_an_earlier_table_of_zeros_is_compared_without_per_cents():
    verdict = decide(sweep(200), baseline=[replace(row, scores={"unique_colors": 0}) for row in sweep(1)])
    assert verdict.to_dict()["baseline_change"] is None
    assert "has a mean of 208.0 colours, its best, e1, one of 0.0" in verdict.text()
    assert "No change in % can be given" in verdict.text()


def test_a_base_model_whose_pictures_have_no_score_is_told_of():
    base = [Row("base", None, f"p{i}", 0, {"unique_colors": None}) for i in range(3)]
    notes = decide([*sweep(200), *base]).not_measured
    assert "the base model without a LoRA: none of its 3 rows has a score" in notes
    zeros = decide([*sweep(200), Row("base", None, "p0", 0, {"unique_colors": 0})])
    assert "The base model without a LoRA scores 0.0" in zeros.text()


def many(means, *, prompts=6, name="e"):
    return [
        replace(row, checkpoint=f"{name}{e}", epoch=e, scores={"unique_colors": row.number("unique_colors")})
        for e, mean in enumerate(means, 1)
        for row in sweep(mean, prompts=prompts, seeds=1)
    ]


def test_the_best_of_many_is_not_called_better_than_the_earlier_best_by_its_luck():
    # six pictures: p = 0.031, proof for one checkpoint against one, luck for the best of ten
    alone = decide(many([200]), baseline=many([205], name="old")).baseline
    chosen = decide(many([200, *[206] * 9]), baseline=many([205], name="old"))
    assert alone.proved
    assert (chosen.baseline.p, chosen.baseline.proved) == (alone.p, False)
    assert chosen.to_dict()["baseline"]["chosen_from"] == [10, 1]
    assert chosen.to_dict()["baseline"]["p_corrected"] == pytest.approx(10 * alone.p)
    assert "of 10 here and of 1 there, and the best of several looks better than it is" in chosen.text()
    assert "chance or the choice may explain that (p\u00a0=\u00a00.31, corrected)" in chosen.text()


def test_a_change_beyond_chance_and_choice_is_called_so():
    verdict = decide(many([200, 230, 220], prompts=10), baseline=many([300, 310], prompts=10, name="old"))
    assert verdict.baseline.proved
    assert "That is more than chance and choice over the 10 pictures of both" in verdict.text()
    worse = decide(many([300, 310], prompts=10), baseline=many([200, 230, 220], prompts=10, name="old"))
    assert worse.baseline.proved
    assert worse.baseline.change > 0


def test_the_means_of_all_are_compared_free_of_any_choice():
    verdict = decide(many([100, 300]), baseline=many([200, 200], name="old"))
    assert verdict.baseline.change < -40
    assert verdict.to_dict()["baseline"]["change_of_means_percent"] == 0
    assert "the mean of all there: 207.5 against 207.5" in verdict.text()


def test_a_setting_written_as_7_and_as_7_0_is_the_same():
    baseline = decide(sweep(200, cfg=7), baseline=sweep(250, cfg=7.0)).baseline
    assert (baseline.pairs, baseline.proved) == (12, True)


def test_settings_in_the_tables_themselves_are_compared_too():
    verdict = decide(sweep(200, steps=20), baseline=sweep(250, steps=30))
    assert "steps (20 here, 30 there)" in verdict.text()


def test_a_prompt_of_the_same_name_with_another_text_is_named():
    conditions = ({"prompts": {"p0": "a red hat"}}, {"prompts": {"p0": "a blue hat"}})
    verdict = decide(sweep(200), baseline=sweep(250), conditions=conditions)
    assert "another text: p0" in verdict.text()
    assert verdict.baseline is not None
    assert not verdict.baseline.proved


def test_pictures_of_one_noise_with_several_settings_count_as_one_pair():
    def with_guidance(rows):
        return [replace(row, scores={**row.scores, "cfg": cfg}) for row in rows for cfg in (6.0, 7.0, 8.0)]

    ours, theirs = sweep(200, prompts=4, seeds=1), sweep(250, prompts=4, seeds=1)
    baseline = decide(with_guidance(ours), baseline=with_guidance(theirs)).baseline
    assert baseline is not None
    # four noises cannot show more than 2 / 2^4, however often each is drawn
    assert (baseline.pairs, baseline.p, baseline.proved) == (4, 0.125, False)
    assert baseline.p == decide(ours, baseline=theirs).baseline.p
