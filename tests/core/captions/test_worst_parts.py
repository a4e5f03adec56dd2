from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from audits import MESSY, audit_of
from caption_texts import CAPTIONS
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bespoke_core.captions.findings import SEVERITIES, finding
from bespoke_core.captions.tally import WorstFile
from bespoke_core.captions.thumbnail import thumbnail
from bespoke_core.captions.worst_parts import kinds_of, marked, offending, phrase_rows
from bespoke_core.errors import InputError


@pytest.fixture(scope="module")
def worst(tmp_path_factory: pytest.TempPathFactory) -> WorstFile:
    return audit_of(tmp_path_factory.mktemp("set"), {"a.txt": MESSY}).worst[0]


def test_codes_stand_beside_their_phrases(worst: WorstFile) -> None:
    rows = {row.text: row for row in phrase_rows(worst)}
    assert list(rows) == ["hair", "brown eyes", "skin", "solid background", "palette list"]
    assert [one.hex for one in rows["palette list"].swatches] == ["#20c040", "#5a3220", "#112233"]
    assert not rows["palette list"].bound


def test_a_misplaced_code_is_wrong_at_its_phrase_alone(worst: WorstFile) -> None:
    rows = {row.text: row.swatches[0] for row in phrase_rows(worst)}
    assert (rows["hair"].degree, rows["hair"].says) == ("wrong", "not its colour")
    assert rows["solid background"].degree == "shared"
    assert rows["palette list"].degree == ""


def test_the_wrong_codes_come_before_the_shared_and_the_loose(worst: WorstFile) -> None:
    assert [(one.hex, one.degree) for one in offending(worst)] == [
        ("#20c040", "wrong"),
        ("#112233", "wrong"),  # a phantom
        ("#5a3220", "shared"),
    ]


def test_kinds_are_counted_in_the_order_of_severities(worst: WorstFile) -> None:
    kinds = [kind for kind, _ in kinds_of(worst)]
    assert kinds == [kind for kind in SEVERITIES if kind in kinds]
    assert sum(number for _, number in kinds_of(worst)) == worst.total


def test_the_caption_is_marked_where_something_is_wrong(worst: WorstFile) -> None:
    runs = marked(worst)
    assert "".join(run.text for run in runs) == MESSY
    by_group: dict[str, str] = {}
    for run in runs:
        by_group[run.group] = by_group.get(run.group, "") + run.text
    assert "sharp pixel edges" in by_group["style"]
    assert "hair (" in by_group["bare"]
    assert by_group["wrong"] == "#20c040#112233"
    assert [run.hex for run in runs if run.hex][:2] == ["#20c040", "#5a3220"]


def test_what_training_does_not_read_is_marked_as_lost() -> None:
    found = finding("a.txt", "over_token_limit", "Too long.", span=(8, 12), text="tail")
    runs = marked(WorstFile("a.txt", None, "red hat,tail", (found,), 1))
    assert [(run.text, run.lost) for run in runs] == [("red hat,", False), ("tail", True)]


def test_a_long_caption_is_cut_short() -> None:
    runs = marked(WorstFile("a.txt", None, "x" * 10_000, (), 0))
    assert [len(run.text) for run in runs] == [3000, 3]


@given(CAPTIONS, st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=5))
def test_any_caption_with_any_findings_is_shown_whole(text: str, spans: list[tuple[int, int]]) -> None:
    kinds = list(SEVERITIES)
    found = [finding("a", kinds[i], "x", span=(min(s), max(s))) for i, s in enumerate(spans)]
    worst = WorstFile("a", None, text.splitlines()[0] if text.splitlines() else "", tuple(found), len(found))
    assert "".join(run.text for run in marked(worst)) == worst.caption
    assert all(one.hex.startswith("#") for row in phrase_rows(worst) for one in row.swatches)


def test_a_thumbnail_of_pixel_art_is_the_art_enlarged(tmp_path: Path) -> None:
    art = Image.fromarray(np.random.default_rng(1).integers(0, 256, (24, 24, 3), dtype=np.uint8))
    art.resize((512, 512), Image.Resampling.NEAREST).save(tmp_path / "a.png")
    small = thumbnail(tmp_path / "a.png", 144)
    assert small.size == (144, 144)
    assert np.array_equal(np.asarray(small)[3::6, 3::6], np.asarray(art))


def test_other_pictures_are_shrunk_in_proportion(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (400, 800, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    assert thumbnail(tmp_path / "a.png", 192).size == (192, 96)


def test_transparent_pixels_are_white(tmp_path: Path) -> None:
    Image.new("RGBA", (10, 10), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert thumbnail(tmp_path / "a.png", 20).getpixel((0, 0)) == (255, 255, 255)


def test_a_picture_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a\.png"):
        thumbnail(tmp_path / "a.png", 20)
