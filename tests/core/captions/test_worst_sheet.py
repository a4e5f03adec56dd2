from __future__ import annotations

from pathlib import Path

import pytest
from audits import CLEAN, MESSY, audit_of
from PIL import Image

from bespoke_core.captions.audit import audit_dataset
from bespoke_core.captions.dataset import read_dataset
from bespoke_core.captions.worst_sheet import draw_worst_sheet
from bespoke_core.errors import InputError

GREEN = (0x20, 0xC0, 0x40)
RED_RING = (0xB3, 0x26, 0x1E)


def colours_of(sheet: Image.Image) -> dict[tuple[int, int, int], int]:
    found = sheet.getcolors(sheet.width * sheet.height)
    assert found is not None
    return {color: count for count, color in found}


def test_the_sheet_shows_the_picture_and_the_offending_code(tmp_path: Path) -> None:
    colours = colours_of(draw_worst_sheet(audit_of(tmp_path, {"a.txt": MESSY, "b.txt": CLEAN})))
    # The background's green fills the picture at six times its size; the swatch has it once more.
    assert colours[GREEN] > 24 * 24 * 36 // 2
    assert colours[RED_RING] > 100
    assert (0x11, 0x22, 0x33) in colours


def test_the_sheet_grows_with_the_files_up_to_the_count(tmp_path: Path) -> None:
    audit = audit_of(tmp_path, {f"{i}.txt": f"{MESSY}, thing {i}" for i in range(8)})
    sizes = [draw_worst_sheet(audit, count=count).size for count in (1, 3, 4, 8, 20)]
    assert len({width for width, _ in sizes}) == 1
    heights = [height for _, height in sizes]
    assert heights == sorted(heights)
    assert heights[0] == heights[1] < heights[2] < heights[3] == heights[4]


def test_a_set_without_findings_says_so(tmp_path: Path) -> None:
    sheet = draw_worst_sheet(audit_of(tmp_path, {"a.txt": CLEAN}))
    assert sheet.mode == "RGB"
    assert len(colours_of(sheet)) > 5  # there is something written


def test_captions_without_pictures_have_a_sheet(tmp_path: Path) -> None:
    sheet = draw_worst_sheet(audit_of(tmp_path, {"a.txt": MESSY}, pictures=False))
    assert (0x5A, 0x32, 0x20) in colours_of(sheet)  # the swatch


def test_a_broken_picture_leaves_its_place_empty(tmp_path: Path) -> None:
    audit_of(tmp_path, {"a.txt": MESSY})
    (tmp_path / "a.png").write_bytes(b"no picture")
    audit = audit_dataset(read_dataset(tmp_path))
    assert audit.files_with["broken_picture"] == 1
    assert draw_worst_sheet(audit).size == draw_worst_sheet(audit, count=3).size


@pytest.mark.parametrize("count", [0, -1, 21])
def test_a_count_out_of_range_is_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(InputError, match="1 to 20"):
        draw_worst_sheet(audit_of(tmp_path, {"a.txt": MESSY}), count=count)


def test_a_name_of_any_length_and_script_fits(tmp_path: Path) -> None:
    names = {"x" * 120 + ".txt": MESSY, "\u4f60\u597d\U0001f525.txt": MESSY + ", smile"}
    sheet = draw_worst_sheet(audit_of(tmp_path, names))
    assert sheet.width == 1284
