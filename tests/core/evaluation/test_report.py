"""The report of a sweep: the page, its files, the contact sheet."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

from bespoke_core.errors import InputError
from bespoke_core.evaluation.contact_sheet import ReportPicture, contact_sheet
from bespoke_core.evaluation.report import FILES, write_report
from bespoke_core.evaluation.report_page import report_html
from bespoke_core.evaluation.table import Row, read_csv
from bespoke_core.evaluation.verdict import decide

NASTY = '<script>alert("x")</script> & "green"'
COLORS = {None: (200, 0, 0), 1: (0, 200, 0), 2: (0, 0, 200)}


@pytest.fixture
def pictures(tmp_path):
    """Three checkpoints (one the base model), two prompts, two seeds; each checkpoint has its own colour."""
    found = []
    for epoch, color in COLORS.items():
        for prompt in (NASTY, "bow"):
            for seed in (1, 2):
                stem = f"{epoch}-{len(found)}.png"
                full, sprite = tmp_path / f"full-{stem}", tmp_path / f"sprite-{stem}"
                Image.new("RGB", (64, 64), color).save(full)
                Image.new("RGB", (24, 24), color).save(sprite)
                name = "base" if epoch is None else f"punks-{epoch}"
                scores = {"unique_colors": 10 + len(found), "background_match": "yes"}
                found.append(ReportPicture(Row(name, epoch, prompt, seed, scores), full, sprite))
    return found


def write(folder, pictures, **settings):
    rows = [picture.row for picture in pictures]
    return write_report(folder, rows, decide(rows), pictures=pictures, settings=settings)


def test_a_report_has_every_file_and_its_table_and_verdict_read_back(tmp_path, pictures):
    files = write(tmp_path / "report", pictures, steps=30)
    assert {kind: path.name for kind, path in files.items()} == dict(FILES)
    assert [row.cell for row in read_csv(files["table"])] == [p.row.cell for p in pictures]
    found = json.loads(files["verdict"].read_text(encoding="utf-8"))
    assert found["best"] == "punks-1"
    assert found["settings"] == {"steps": 30}
    for kind in ("chart", "contact_sheet"):
        with Image.open(files[kind]) as picture:
            picture.load()


def test_the_page_needs_no_other_file_and_no_network(tmp_path, pictures):
    page = write(tmp_path / "report", pictures)["html"].read_text(encoding="utf-8")
    sources = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)""", page)
    assert len(sources) > len(pictures)
    assert all(source.startswith(("data:image/", "#")) for source in sources)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest", page)


def test_names_of_prompts_cannot_put_code_into_the_page(tmp_path, pictures):
    page = write(tmp_path / "report", pictures, prompts={NASTY: NASTY})["html"].read_text(encoding="utf-8")
    assert 'alert("x")' not in page
    assert "&lt;script&gt;" in page


def test_an_earlier_report_is_replaced_whole(tmp_path, pictures):
    first = write(tmp_path / "report", pictures, run="first")
    second = write(tmp_path / "report", pictures, run="second")
    assert first == second
    assert json.loads(second["verdict"].read_text(encoding="utf-8"))["settings"] == {"run": "second"}
    left = {p.name for p in tmp_path.iterdir() if p.name.startswith(".")}
    assert left == set()


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path, pictures):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "novel.txt").write_text("chapter one", encoding="utf-8")
    with pytest.raises(InputError, match="novel"):
        write(folder, pictures)
    assert [p.name for p in folder.iterdir()] == ["novel.txt"]


def test_a_failed_report_leaves_the_earlier_one(tmp_path, pictures):
    before = write(tmp_path / "report", pictures)["html"].read_bytes()
    pictures[-1].sprite_path.unlink()
    with pytest.raises((OSError, InputError)):
        write(tmp_path / "report", pictures)
    assert (tmp_path / "report" / "report.html").read_bytes() == before
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_table_without_pictures_has_a_report_too(tmp_path, pictures):
    rows = [picture.row for picture in pictures]
    files = write_report(tmp_path / "report", rows, decide(rows), pictures=[], settings={})
    assert all(path.is_file() for path in files.values())


@pytest.mark.parametrize(("count", "inside"), [(60, False), (61, True)])
def test_a_long_table_scrolls_within_the_page_so_that_what_follows_is_near(count, inside):
    rows = [Row("a", 1, "p", seed, {"unique_colors": seed}) for seed in range(count)]
    chart = Image.new("RGB", (8, 8))
    page = report_html(rows, decide(rows), {}, chart=chart, pictures=[])
    assert ('class="wide tall"' in page) == inside


def test_the_contact_sheet_puts_the_base_first_and_epochs_downwards(pictures):
    sheet = np.asarray(contact_sheet(list(reversed(pictures))))
    tops = {
        epoch: np.nonzero((sheet == color).all(axis=2).any(axis=1))[0].min()
        for epoch, color in COLORS.items()
    }
    assert tops[None] < tops[1] < tops[2]


def test_many_prompts_of_one_checkpoint_go_on_below_instead_of_making_a_strip(tmp_path):
    found = []
    for prompt in range(8):
        Image.new("RGB", (24, 24), (200, 0, prompt)).save(tmp_path / f"{prompt}.png")
        for seed in range(3):
            row = Row("a", 1, f"p{prompt}", seed, {"unique_colors": 1})
            found.append(ReportPicture(row, tmp_path / f"{prompt}.png", tmp_path / f"{prompt}.png"))
    sheet = np.asarray(contact_sheet(found))
    height, width, _ = sheet.shape
    assert width <= 4 * height
    for prompt in range(8):
        assert (sheet == (200, 0, prompt)).all(axis=2).sum() == 3 * 96 * 96


def test_sprites_on_the_sheet_keep_square_hard_pixels(tmp_path):
    pattern = (np.indices((24, 24)).sum(axis=0) % 2 * 255).astype(np.uint8)
    art = np.stack([pattern, np.zeros_like(pattern), pattern], axis=2)  # magenta and black, unlike any text
    Image.fromarray(art).save(tmp_path / "s.png")
    row = Row("a", 1, "p", 0, {"unique_colors": 2})
    sheet = np.asarray(contact_sheet([ReportPicture(row, tmp_path / "s.png", tmp_path / "s.png")]))
    magenta = (sheet == (255, 0, 255)).all(axis=2)
    xs = np.nonzero(magenta)[1]
    factor = (xs.max() - xs.min() + 1) // 24
    assert factor >= 2
    assert magenta.sum() == 24 * 12 * factor**2
