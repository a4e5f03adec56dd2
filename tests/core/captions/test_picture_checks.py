"""What an audit finds when it holds a caption against its picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bespoke_core.captions.checks import read_caption
from bespoke_core.captions.picture_checks import check_picture
from bespoke_core.captions.pixels import Look, look_at

GREEN, SKIN, HAIR, SHIRT = (3, 220, 115), (224, 172, 105), (44, 22, 0), (70, 70, 140)


def portrait() -> np.ndarray:
    cells = np.full((24, 24, 3), GREEN, np.uint8)
    cells[4:20, 6:18] = HAIR
    cells[8:18, 8:16] = SKIN
    cells[20:, 4:20] = SHIRT
    return cells


@pytest.fixture
def look(tmp_path: Path) -> Look:
    Image.fromarray(portrait()).save(tmp_path / "a.png")
    return look_at(tmp_path / "a.png")


def found(caption: str, look: Look) -> list[tuple[str, str]]:
    return [(one.finding, one.text) for one in check_picture(read_caption("a.txt", caption), look)]


def test_codes_of_the_right_features_are_in_order(look: Look) -> None:
    assert found("hair (#2c1600), skin (#e0ac69), green background (#03dc73)", look) == []


def test_a_colour_that_no_pixel_is_near_to_is_a_phantom_and_told_once(look: Look) -> None:
    assert found("hair (#ff00ff), eyes (#ff00ff)", look) == [("phantom_code", "#ff00ff")]


def test_a_colour_that_can_hardly_be_told_from_a_pixels_is_no_phantom(look: Look) -> None:
    assert found("hair (#2d1701)", look) == []


def test_a_file_of_nothing_but_codes_does_not_take_hours(look: Look) -> None:
    codes = [f"#ff{number % 256:02x}{255 - number // 256:02x}" for number in range(5000)]
    result = found(", ".join([*codes, "hair (#03dc73)"]), look)
    assert result == [("phantom_code", code) for code in codes[:256]]


def test_a_background_with_the_hairs_code_is_misplaced_and_the_true_colour_is_named(look: Look) -> None:
    reading = read_caption("a.txt", "hair, green background (#2c1600)")
    (one,) = check_picture(reading, look)
    assert (one.finding, one.text, one.span) == ("misplaced_code", "#2c1600", (24, 31))
    assert "#03dc73" in one.advice


def test_hair_with_the_backgrounds_code_is_misplaced(look: Look) -> None:
    caption = "hair (#03dc73), bright green background (#03dc73)"
    assert found(caption, look) == [("misplaced_code", "#03dc73")]


def test_green_hair_before_a_green_background_is_not(tmp_path: Path) -> None:
    cells = portrait()
    cells[(cells == np.array(HAIR, np.uint8)).all(-1)] = GREEN
    cells[8:18, 7] = cells[7, 7:17] = cells[8:18, 16] = (20, 20, 20)
    cells[3, 5:19] = cells[3:20, 5] = cells[3:20, 18] = (20, 20, 20)
    Image.fromarray(cells).save(tmp_path / "g.png")
    assert found("green hair (#03dc73), green background (#03dc73)", look_at(tmp_path / "g.png")) == []


def test_each_half_of_a_split_background_may_have_its_code(tmp_path: Path) -> None:
    cells = portrait()
    right = cells[:, 12:]
    right[(right == np.array(GREEN, np.uint8)).all(-1)] = (200, 30, 40)
    Image.fromarray(cells).save(tmp_path / "s.png")
    look = look_at(tmp_path / "s.png")
    assert look.arrangement == "split"
    assert found("split background (#03dc73) (#c81e28)", look) == []
    assert found("split background (#46468c)", look) == [("misplaced_code", "#46468c")]


def test_nothing_is_said_of_a_background_that_cannot_be_told(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "n.png")
    value = "#" + bytes(noise[12, 12]).hex()
    assert found(f"green background ({value})", look_at(tmp_path / "n.png")) == []


def test_the_real_set_has_the_published_mistakes(shared_data: Path) -> None:
    root = shared_data / "bespoke-punks"
    backgrounds = wrong = hair = phantoms = 0
    for path in sorted((root / "captions_original").glob("*.txt")):
        reading = read_caption(path.name, path.read_text(encoding="utf-8"))
        look = look_at(root / "images_512" / f"{path.stem}.png")
        spans = {part.index: part.span for part in reading.parts}
        about = {index for index, feature in reading.features.items() if feature == "background"}
        with_code = [i for i in about if reading.caption.codes_of(reading.caption.phrases[i])]
        results = list(check_picture(reading, look))
        misplaced = [one for one in results if one.finding == "misplaced_code"]
        backgrounds += bool(with_code)
        wrong += any(spans[i][0] <= one.span[0] < spans[i][1] for one in misplaced for i in with_code)
        in_hair = [spans[i] for i, feature in reading.features.items() if feature == "hair"]
        hair += any(start <= one.span[0] < end for one in misplaced for start, end in in_hair)
        phantoms += sum(one.finding == "phantom_code" for one in results)
    assert phantoms == 1
    assert backgrounds >= 195
    assert wrong <= 5
    assert hair >= 120
