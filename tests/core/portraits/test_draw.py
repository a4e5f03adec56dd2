"""The sample data set: what the portraits are, that their captions tell the truth, and how it is written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bespoke_core.errors import InputError
from bespoke_core.portraits import caption as portrait_caption
from bespoke_core.portraits.caption import caption, fault_of, plain_caption
from bespoke_core.portraits.draw import draw_portrait, draw_portraits, enlarge
from bespoke_core.quickstart import sample_dataset

CODE = re.compile(r"#[0-9a-f]{6}")


@given(st.integers(0, 2**40))
@settings(max_examples=60, deadline=None)
def test_every_code_of_a_feature_stands_in_the_picture(seed: int) -> None:
    portrait = draw_portrait(seed)
    codes = set(portrait.codes())
    for feature in portrait.features:
        assert not feature.code or feature.code in codes, feature
        assert feature.color in feature.words
    assert set(portrait.background_codes) <= codes
    assert portrait.pixels.shape == (24, 24, 3)
    assert 8 <= len(codes) <= 40


def test_the_border_shows_the_background_that_the_caption_names() -> None:
    for portrait in draw_portraits(60, 3):
        background = portrait.feature("background")
        assert background is not None
        if portrait.background == "solid":
            corner = "#{:02x}{:02x}{:02x}".format(*portrait.pixels[8, 0])
            assert corner == background.code
            assert f"solid {background.color} background" in caption(portrait)


def test_one_seed_gives_one_portrait_and_the_count_changes_nothing() -> None:
    few, many = draw_portraits(3, 5), draw_portraits(9, 5)
    for one, other in zip(few, many[:3], strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert one.features == other.features
    assert len({one.pixels.tobytes() for one in many}) == 9
    assert [one.figure for one in many[:4]] == ["lad", "lady", "lad", "lady"]


def test_a_set_shows_every_kind_of_feature_and_background() -> None:
    portraits = draw_portraits(120)
    kinds = {feature.kind for one in portraits for feature in one.features}
    assert kinds == {
        *("hair", "hat", "glasses", "eyes", "lips"),
        *("beard", "earrings", "skin", "background", "clothing"),
    }
    assert {one.background for one in portraits} == {"solid", "split", "gradient", "checkered"}


def test_sunglasses_hide_the_eyes_in_the_caption_too() -> None:
    hidden = [one for one in draw_portraits(200) if "sunglasses" in caption(one)]
    assert hidden
    assert all(one.feature("eyes") is None for one in hidden)


def test_a_caption_has_the_form_of_the_experiment() -> None:
    portrait = draw_portrait(1, figure="lad")
    text = caption(portrait)
    assert text.startswith("pixel art, 24x24, portrait of bespoke punk lad, ")
    head, _, tail = text.partition(", palette: ")
    palette, _, rest = tail.partition(", " + portrait_caption.BOILERPLATE)
    assert CODE.findall(palette) == portrait.codes()[:5]
    assert CODE.findall(rest) == portrait.codes()[5:]
    assert CODE.findall(head) == [one.code for one in portrait.features if one.code]
    assert not CODE.search(plain_caption(portrait))


@pytest.mark.parametrize("fault", portrait_caption.FAULTS)
def test_each_fault_is_really_in_the_caption(fault: str) -> None:
    portrait = draw_portrait(4)
    text = caption(portrait, fault=fault)
    assert text != caption(portrait)
    signs = {
        "several codes in one pair of parentheses": r"\(#\w{6}, #\w{6}\)",
        "missing opening parenthesis": r"[a-z] #\w{6}\)",
        "code in prose": r"\(mostly #\w{6} cloth\)",
        "duplicate code": r"(\(#\w{6}\)).*\1",
        "doubled word": r"wearing wearing ",
    }
    assert re.search(signs[fault], text)


def test_a_third_of_the_captions_is_malformed_and_every_fault_occurs() -> None:
    faults = [fault_of(number) for number in range(sample_dataset.COUNT)]
    assert sum(fault is not None for fault in faults) == sample_dataset.COUNT // 3
    assert set(faults) == {None, *portrait_caption.FAULTS}


@pytest.mark.parametrize("size", [24, 192, 512])
def test_the_picture_shrinks_back_to_its_art_with_pil_nearest(tmp_path: Path, size: int) -> None:
    sample = sample_dataset.write_sample_dataset(tmp_path / "set", 2, size=size)
    for name, portrait in zip(sample.names, sample.portraits, strict=True):
        with Image.open(sample.folder / f"{name}.png") as picture:
            assert picture.size == (size, size)
            small = np.asarray(picture.convert("RGB").resize((24, 24), Image.Resampling.NEAREST))
        assert np.array_equal(small, portrait.pixels)


def test_cells_at_512_are_21_22_21_pixels_wide() -> None:
    row = enlarge(np.repeat(np.arange(24, dtype=np.uint8)[None, :, None], 24, 0).repeat(3, 2), 512)[0, :, 0]
    assert [int((row == cell).sum()) for cell in range(6)] == [21, 22, 21, 21, 22, 21]


def test_a_second_write_finds_the_set_and_a_change_is_put_right(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    first = sample_dataset.write_sample_dataset(folder, 3)
    assert first.made
    assert not sample_dataset.write_sample_dataset(folder, 3).made
    victim = folder / f"{first.names[0]}.txt"
    good = victim.read_bytes()
    victim.write_text("spoilt", encoding="utf-8")
    assert sample_dataset.write_sample_dataset(folder, 3).made
    assert victim.read_bytes() == good
    assert len(sample_dataset.write_sample_dataset(folder, 4).names) == 4
    assert len(list(folder.glob("*.png"))) == 4
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"]


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.png").write_bytes(b"precious")
    with pytest.raises(InputError, match="not the sample data set"):
        sample_dataset.write_sample_dataset(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.png"]


def test_a_failed_write_leaves_the_old_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "set"
    sample_dataset.write_sample_dataset(folder, 2)
    before = sorted((entry.name, entry.read_bytes()) for entry in folder.iterdir())

    def full(*arguments: object, **options: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sample_dataset, "caption", full)
    with pytest.raises(OSError, match="No space"):
        sample_dataset.write_sample_dataset(folder, 5)
    assert sorted((entry.name, entry.read_bytes()) for entry in folder.iterdir()) == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"]


def test_the_held_out_set_shares_no_picture_with_the_sample(tmp_path: Path) -> None:
    sample = sample_dataset.write_sample_dataset(tmp_path / "a")
    held_out = sample_dataset.write_held_out_set(tmp_path / "b")
    ours = {one.pixels.tobytes() for one in sample.portraits}
    assert not ours & {one.pixels.tobytes() for one in held_out.portraits}


@pytest.mark.parametrize(("options", "field"), [({"count": 0}, "count"), ({"size": 23}, "size")])
def test_numbers_out_of_range_are_refused(tmp_path: Path, options: dict, field: str) -> None:
    with pytest.raises(InputError) as error:
        sample_dataset.write_sample_dataset(tmp_path / "set", **options)
    assert error.value.field == field
