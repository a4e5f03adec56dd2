"""Pictures of every common kind are read; broken ones are named."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from bespoke_core.errors import InputError
from bespoke_core.sprites.pictures import list_pictures, read_picture, write_png

RED = np.zeros((4, 6, 3), dtype=np.uint8) + np.array([200, 30, 40], dtype=np.uint8)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1", "CMYK"])
def test_every_mode_becomes_rgb(tmp_path, mode: str) -> None:
    path = tmp_path / ("ä." + ("tif" if mode == "CMYK" else "png"))
    Image.fromarray(RED).convert(mode).save(path)
    picture = read_picture(path)
    assert picture.shape == (4, 6, 3) and picture.dtype == np.uint8
    if mode in ("RGB", "RGBA", "CMYK"):
        assert np.array_equal(picture, RED)


def test_hidden_colours_under_transparency_do_not_show(tmp_path) -> None:
    rgba = np.dstack([RED, np.zeros((4, 6), np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png") == 255).all()
    assert (read_picture(tmp_path / "a.png", background=(1, 2, 3)) == (1, 2, 3)).all()


def test_sixteen_bits_are_scaled_not_clipped(tmp_path) -> None:
    Image.fromarray(np.full((3, 3), 0x8080, dtype=np.uint16)).save(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png") == 0x80).all()


def test_broken_files_are_named(tmp_path) -> None:
    whole = tmp_path / "whole.png"
    noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    write_png(whole, noise)
    assert np.array_equal(read_picture(whole), noise)
    cut = tmp_path / "cut.png"
    cut.write_bytes(whole.read_bytes()[:1000])
    text = tmp_path / "text.png"
    text.write_text("no picture", encoding="utf-8")
    for path in (cut, text, tmp_path / "absent.png", tmp_path):
        with pytest.raises(InputError) as caught:
            read_picture(path)
        assert str(path) in str(caught.value)


def test_a_folder_gives_its_pictures_by_name(tmp_path) -> None:
    with pytest.raises(InputError, match="no picture"):
        list_pictures([tmp_path])
    for name in ("b.png", "a.PNG"):
        Image.fromarray(RED).save(tmp_path / name)
    (tmp_path / "a.txt").write_text("caption", encoding="utf-8")
    assert [p.name for p in list_pictures([tmp_path, tmp_path / "b.png"])] == ["a.PNG", "b.png"]
    with pytest.raises(InputError, match="absent"):
        list_pictures([tmp_path / "absent"])
