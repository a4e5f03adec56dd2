"""The picture that shows what was judged."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageColor

from bespoke_core.errors import InputError
from bespoke_core.scoring.explain import EDGE, explain
from bespoke_core.sprites.view import enlarge

GREEN, SKIN, BROWN = (3, 220, 115), (224, 172, 105), (90, 56, 37)
CYAN, MAGENTA = ImageColor.getrgb("#00b7ff"), ImageColor.getrgb("#ff3bd4")


def portrait() -> np.ndarray:
    cells = np.full((24, 24, 3), GREEN, np.uint8)
    cells[4:20, 6:18] = BROWN
    cells[8:18, 8:16] = SKIN
    cells[20:, 4:20] = (70, 70, 140)
    return enlarge(cells, 8)


def colours(sheet: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(int(level) for level in color) for color in np.unique(sheet.reshape(-1, 3), axis=0)}


def test_regions_are_outlined_where_they_lie_and_swatches_stand_beside() -> None:
    sheet = np.asarray(explain(portrait(), prompt="brown hair, red background"))
    picture, legend = sheet[12 : 12 + EDGE, 12 : 12 + EDGE], sheet[:, 24 + EDGE :]
    assert {CYAN, MAGENTA} <= colours(picture)
    cell = EDGE // 24
    edge = (picture[8 * cell, 6 * cell - 1 : 6 * cell + 2] == np.array(CYAN)).all(-1) | (
        picture[8 * cell, 6 * cell - 1 : 6 * cell + 2] == np.array(MAGENTA)
    ).all(-1)
    assert edge.any()
    assert {GREEN, BROWN} <= colours(legend)


def test_without_a_prompt_only_the_background_is_shown() -> None:
    picture = np.asarray(explain(portrait()))[12 : 12 + EDGE, 12 : 12 + EDGE]
    assert CYAN in colours(picture)
    assert MAGENTA not in colours(picture)


@pytest.mark.parametrize("shape", [(24, 24), (30, 700), (512, 300)])
def test_pictures_of_any_shape_can_be_explained(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert explain(noise, prompt="red hair, green background").mode == "RGB"


def test_a_picture_smaller_than_its_sprite_is_refused() -> None:
    with pytest.raises(InputError, match="larger than the picture"):
        explain(np.zeros((10, 10, 3), np.uint8))
