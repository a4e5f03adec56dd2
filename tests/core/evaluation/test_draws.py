"""Pictures of one prompt and seed with several settings: one noise, counted once."""

from __future__ import annotations

import numpy as np

from bespoke_core.evaluation.draws import draws_of, interval_of
from bespoke_core.evaluation.grid import grid_of
from bespoke_core.evaluation.intervals import mean_interval
from bespoke_core.evaluation.table import Row
from bespoke_core.evaluation.verdict import decide

GUIDANCE = (6.0, 7.0, 8.0)


def study(seed: int = 0, *, noise: float = 30.0, settings: int = 3) -> list[Row]:
    """Without and with a negative prompt, neither better; each noise with several guidance scales."""
    rng = np.random.default_rng(seed)
    rows = []
    for prompt in "abcd":
        for number in (1, 2):
            helped = rng.normal(0, noise)
            for cfg in GUIDANCE[:settings]:
                for text in ("", "blurry"):
                    value = 200 + 10 * cfg + bool(text) * helped + rng.normal(0, 1)
                    scores = {"cfg": cfg, "negative_prompt": text, "unique_colors": float(value)}
                    rows.append(Row("lora", 1, prompt, number, scores))
    return rows


def test_a_noise_drawn_with_several_settings_counts_once() -> None:
    found = decide(study(), over="negative_prompt")
    assert [c.pairs for c in found.comparisons] == [8]
    assert found.winner is not None and found.winner.interval.n == 24


def test_more_guidance_scales_of_the_same_noise_make_nobody_surer() -> None:
    wrong = sum(bool(decide(study(seed), over="negative_prompt").clear) for seed in range(20))
    assert wrong <= 2


def test_with_one_setting_everything_is_as_it_was() -> None:
    rows = [Row("a", 1, p, s, {"unique_colors": 10 * s + len(p)}) for p in ("x", "yy") for s in (1, 2, 3)]
    grid = grid_of(rows, "unique_colors")
    draws = draws_of(grid)
    line = grid.line("a")
    assert not draws.several
    assert draws.averaged(line) is line
    assert interval_of(grid, line, draws, seed=0) == mean_interval(line, grid.blocks, grid.seeds, seed=0)


def test_a_missing_picture_does_not_make_its_noise_better_or_worse() -> None:
    rows = study(noise=0.0)
    whole = grid_of(rows, "unique_colors", "negative_prompt")
    gone = [row for row in rows if (row.prompt, row.seed, row.scores["cfg"]) != ("a", 1, 8.0)]
    holed = grid_of(gone, "unique_colors", "negative_prompt")
    widths = []
    for grid in (whole, holed):
        found = interval_of(grid, grid.line(grid.names[0]), draws_of(grid), seed=0)
        assert found.low < found.mean < found.high
        widths.append(found.high - found.low)
    assert widths[1] < 2 * widths[0]


def test_pictures_of_one_noise_alone_decide_nothing() -> None:
    rows = [row for row in study() if (row.prompt, row.seed) == ("a", 1)]
    found = decide(rows, over="negative_prompt")
    assert not found.clear
    assert found.comparisons[0].tied
    assert found.text()
