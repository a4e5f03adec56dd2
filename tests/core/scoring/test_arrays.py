"""Scores as arrays: the same numbers, and what was not measured is not a number."""

from __future__ import annotations

import numpy as np

from bespoke_core.portraits.draw import draw_portraits
from bespoke_core.scoring.arrays import NUMBERS, as_arrays, score_arrays
from bespoke_core.scoring.counting import count_colors, count_picture_colors
from bespoke_core.scoring.grid_fidelity import grid_scores, grid_scores_of
from bespoke_core.scoring.perceptual import count_perceptual_colors, perceptual_colors
from bespoke_core.scoring.reference import measure_reference
from bespoke_core.scoring.score import Scores, score_picture, score_pictures
from bespoke_core.sprites.view import enlarge


def portraits(number: int, seed: int = 3) -> np.ndarray:
    """Portraits of 192 x 192 with noise, the last a single colour."""
    art = enlarge(np.stack([one.pixels for one in draw_portraits(number, seed)]), 8)
    noise = np.random.default_rng(seed).integers(-3, 4, art.shape)
    noisy = (art + noise).clip(0, 255).astype(np.uint8)
    noisy[-1] = 90
    return noisy


def test_every_batch_function_equals_its_one_picture_function_element_by_element() -> None:
    images = portraits(7)
    prompts = [", ".join(f.words for f in one.features) for one in draw_portraits(6, 3)] + [None]
    sprites = images[:, 4::8, 4::8]
    reference = measure_reference(sprites)
    batch = score_arrays(images, prompts=prompts, reference=reference)
    single = [
        as_arrays([score_picture(image, prompt=prompt, reference=reference)])
        for image, prompt in zip(images, prompts, strict=True)
    ]
    for name, column in batch.items():
        assert column.shape == (7,)
        assert column.tolist() == [one[name].tolist()[0] for one in single] or name in NUMBERS
        if name in NUMBERS:
            assert np.array_equal(column, np.concatenate([one[name] for one in single]), equal_nan=True)
    assert count_colors(sprites).tolist() == [count_picture_colors(one) for one in sprites]
    assert perceptual_colors(sprites).tolist() == [count_perceptual_colors(one) for one in sprites]
    grid = grid_scores_of(images, (24, 24))
    for index, image in enumerate(images[:-1]):
        found = grid_scores(image, (24, 24))
        assert (grid.fidelity[index], grid.variance_between[index]) == (
            found.fidelity,
            found.variance_between,
        )
    assert np.isnan(grid.fidelity[-1]) and np.isnan(grid.variance_between[-1])
    counts = count_colors(sprites)
    assert reference.excess_colors_of(counts).tolist() == [reference.excess_colors(int(n)) for n in counts]
    assert reference.palette_distances(sprites).tolist() == [reference.palette_distance(s) for s in sprites]
    edges = reference.edge_distances(sprites)
    assert edges[:-1].tolist() == [reference.edge_distance(s) for s in sprites[:-1]]
    assert np.isnan(edges[-1]) and reference.edge_distance(sprites[-1]) is None


def test_not_measured_and_not_asked_are_values_of_their_own() -> None:
    images = portraits(3)
    found = score_arrays(images, prompts=[None, "a lad with a hat", "a lad, green background"])
    assert found["background_match"].tolist() == ["not measured", "not asked", "no"]
    assert found["feature_match"].tolist() == ["not measured", "not asked", "not asked"]
    assert found["color_bleed"].tolist() == ["not measured", "not asked", "not asked"]
    assert np.isnan(found["background_distance"]).tolist() == [True, True, False]
    assert np.isnan(found["palette_distance"]).all() and np.isnan(found["grid_fidelity"][2])
    assert set(found) == set(Scores.__dataclass_fields__)
    assert {"unique_colors", "background_distance", "edge_distance"} < set(NUMBERS)
    assert found["unique_colors"][2] == 1


def test_no_pictures_give_empty_arrays() -> None:
    assert score_pictures([]) == []
    assert all(column.shape == (0,) for column in score_arrays([]).values())
