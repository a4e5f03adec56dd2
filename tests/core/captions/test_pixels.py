"""What is seen of a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bespoke_core.captions.pixels import look_at
from bespoke_core.errors import InputError
from bespoke_core.portraits.draw import draw_portraits


def saved(folder: Path, levels: np.ndarray, name: str = "a.png") -> Path:
    path = folder / name
    Image.fromarray(levels).save(path)
    return path


def test_an_enlarged_portrait_is_seen_as_its_art(tmp_path: Path) -> None:
    art = np.asarray(draw_portraits(1, seed=4)[0].pixels)
    picture = np.asarray(Image.fromarray(art).resize((512, 512), Image.Resampling.NEAREST))
    look = look_at(saved(tmp_path, picture))
    assert look.size == (512, 512)
    assert np.array_equal(look.cells, art)
    assert look.arrangement == "plain"
    assert int(look.counts.sum()) == 512 * 512
    assert len(look.colors) == len(np.unique(art.reshape(-1, 3), axis=0))


def test_a_pictures_distinct_colours_are_counted_whether_few_or_many(tmp_path: Path) -> None:
    many = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    look = look_at(saved(tmp_path, many))
    expected, counts = np.unique(many.reshape(-1, 3), axis=0, return_counts=True)
    order = np.lexsort(look.colors.T[::-1])
    assert np.array_equal(look.colors[order], expected)
    assert np.array_equal(look.counts[order], counts)


def test_invisible_pixels_have_no_colour_and_half_transparent_ones_have_one(tmp_path: Path) -> None:
    levels = np.zeros((30, 30, 4), np.uint8)
    levels[..., :3] = (10, 20, 30)
    levels[10:20, 10:20] = (200, 100, 50, 255)
    levels[20:22, 10:20] = (200, 100, 50, 128)
    look = look_at(saved(tmp_path, levels))
    assert look.colors.tolist() == [[200, 100, 50]]
    assert look.counts.tolist() == [120]


def test_a_cut_out_figure_has_no_background(tmp_path: Path) -> None:
    levels = np.zeros((24, 24, 4), np.uint8)
    levels[6:, 6:18] = (224, 172, 105, 255)
    look = look_at(saved(tmp_path, levels))
    assert look.cut_out
    assert look.arrangement == "unknown"
    assert look.skin is None
    assert look.hair is None


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "I;16"])
def test_other_kinds_of_picture_are_looked_at_too(tmp_path: Path, mode: str) -> None:
    grey = Image.fromarray(np.full((24, 24), 120, np.uint8))
    picture = Image.new("I;16", (24, 24), 30000) if mode == "I;16" else grey.convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    picture.save(path)
    cells = look_at(path).cells
    assert cells.shape == (24, 24, 3)
    assert mode == "1" or abs(int(cells[0, 0, 0]) - 118) <= 3


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\x00" * 40])
def test_a_picture_that_cannot_be_decoded_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.png.*decoded"):
        look_at(path)
