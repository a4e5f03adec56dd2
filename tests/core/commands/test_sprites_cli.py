"""The verbs `downscale` and `score` as scripts use them."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bespoke_core.cli import main
from bespoke_core.portraits.draw import draw_portraits


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two pictures of 96 x 96 showing 24 x 24 cells: one green behind a figure, one brown."""
    folder = tmp_path / "bilder ä"
    folder.mkdir()
    for name, color in {"green": (3, 220, 115), "brown": (143, 94, 61)}.items():
        sprite = np.zeros((24, 24, 3), dtype=np.uint8) + np.array(color, dtype=np.uint8)
        sprite[8:, 8:16] = (240, 200, 170)
        Image.fromarray(sprite).resize((96, 96), Image.Resampling.NEAREST).save(folder / f"{name}.png")
    return folder


def test_downscale_writes_sprites_and_says_so(pictures: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "sprites"
    assert main(["downscale", str(pictures), "--output", str(out), "--size", "24", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [Path(s["file"]).name for s in result["sprites"]] == ["brown.png", "green.png"]
    assert [s["unique_colors"] for s in result["sprites"]] == [2, 2]
    with Image.open(out / "green.png") as sprite:
        assert sprite.size == (24, 24) and sprite.getpixel((0, 0)) == (3, 220, 115)


def test_downscale_takes_other_sizes_colours_and_views(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "sprites"
    arguments = ["--size", "12x6", "--method", "box", "--colors", "1", "--enlarge", "4"]
    assert main(["downscale", str(pictures / "green.png"), "--output", str(out), *arguments]) == 0
    with Image.open(out / "green.png") as sprite, Image.open(out / "green_x4.png") as view:
        assert sprite.size == (12, 6) and len(sprite.getcolors()) == 1
        assert view.size == (48, 24)


def test_downscale_finds_the_size_and_keeps_to_a_palette(tmp_path: Path, capsys) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    art = draw_portraits(1, 3)[0].pixels
    Image.fromarray(art).resize((360, 360), Image.Resampling.NEAREST).save(source / "a.png")
    asked = ["downscale", str(source), "--output", str(out), "--size", "auto", "--json"]
    assert main(asked) == 0
    (sprite,) = json.loads(capsys.readouterr().out)["sprites"]
    assert sprite["size"] == [24, 24]
    assert np.array_equal(np.asarray(Image.open(out / "a.png")), art)
    assert main([*asked, "--palette", "#000000, #ffffff"]) == 0
    assert set(np.unique(np.asarray(Image.open(out / "a.png")))) <= {0, 255}
    capsys.readouterr()
    assert main([*asked, "--palette", "#12"]) == 2
    assert "--palette" in capsys.readouterr().err


def test_score_gives_the_promised_form(pictures: Path, capsys) -> None:
    prompt = "bright green background"
    assert main(["score", str(pictures), "--prompt", prompt, "--reference", str(pictures), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert [s["background_match"] for s in scores] == ["no", "yes"]
    assert [s["unique_colors"] for s in scores] == [2, 2]
    assert {"file", "perceptual_colors", "excess_colors", "grid_fidelity"} <= set(scores[0])


def test_score_takes_a_prompt_for_each_picture(pictures: Path, tmp_path: Path, capsys) -> None:
    table = tmp_path / "prompts.csv"
    table.write_text('file,prompt\ngreen.png,"hat, green background"\nbrown.png,a hat\n', encoding="utf-8")
    written = tmp_path / "scores.csv"
    assert main(["score", str(pictures), "--prompts", str(table), "--csv", str(written)]) == 0
    lines = written.read_text(encoding="utf-8").splitlines()
    assert "not asked" in lines[1] and ",yes," in lines[2]
    assert "2 pictures" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["score", "{}/absent.png"], ["absent.png"]),
        (["score", "{}", "--size", "0"], ["--size"]),
        (["score", "{}", "--size", "97"], ["brown.png", "97 x 97", "96 x 96"]),
        (["score", "{}", "--method", "nearst"], ["nearst", "nearest"]),
        (["score", "{}", "--prompts", "{}/none.csv"], ["none.csv"]),
        (["score", "{}", "--sheet", "{}/sheet.jpg"], ["--sheet", ".png"]),
        (["score", "{}", "--sheet", "{}/s.png", "--sheet-count", "301"], ["301", "300"]),
        (["score", "{}", "--report", "{}"], ["--report", "brown.png"]),
        (["score", "{}", "--csv", "{}/green.png/scores.csv"], ["green.png"]),
        (["downscale", "{}", "--output", "{}"], ["brown.png", "--output"]),
        (["downscale", "{}", "--output", "{}/x", "--colors", "300"], ["300"]),
    ],
)
def test_bad_input_ends_with_2_and_names_its_place(pictures: Path, arguments, words, capsys) -> None:
    before = sorted(p.name for p in pictures.iterdir())
    assert main([a.replace("{}", str(pictures)) for a in arguments]) == 2
    error = capsys.readouterr().err
    for word in words:
        assert word in error
    assert sorted(p.name for p in pictures.iterdir()) == before


def test_a_truncated_picture_and_a_missing_prompt_are_named(pictures: Path, tmp_path: Path, capsys) -> None:
    table = tmp_path / "prompts.csv"
    table.write_text("file,prompt\ngreen.png,a\n", encoding="utf-8")
    assert main(["score", str(pictures), "--prompts", str(table)]) == 2
    assert "brown.png" in capsys.readouterr().err
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3)).astype(np.uint8)
    Image.fromarray(noise).save(pictures / "cut.png")
    (pictures / "cut.png").write_bytes((pictures / "cut.png").read_bytes()[:900])
    assert main(["score", str(pictures), "--json"]) == 2
    assert "cut.png" in json.loads(capsys.readouterr().out)["error"]["file"]


@pytest.fixture
def nested(pictures: Path) -> Path:
    """The two pictures, one of them again in a folder below, a broken one, and a hidden folder."""
    below = pictures / "epoch 1" / "seed 2"
    below.mkdir(parents=True)
    (below / "green.png").write_bytes((pictures / "green.png").read_bytes())
    (pictures / ".cache").mkdir()
    (pictures / ".cache" / "old.png").write_bytes(b"")
    (pictures / "epoch 1" / "broken.png").write_bytes((pictures / "brown.png").read_bytes()[:60])
    (pictures / "notes.txt").write_text("no picture", encoding="utf-8")
    return pictures


def test_score_goes_into_folders_only_when_asked(nested: Path, capsys) -> None:
    assert main(["score", str(nested), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["scores"]) == 2
    assert main(["score", str(nested), "--recursive", "--skip-unreadable", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    names = [Path(s["file"]).relative_to(nested).as_posix() for s in result["scores"]]
    assert names == ["brown.png", "green.png", "epoch 1/seed 2/green.png"]
    assert [Path(s["file"]).name for s in result["skipped"]] == ["broken.png"]


def test_a_broken_picture_stops_the_work_and_leaves_no_file(nested: Path, tmp_path: Path, capsys) -> None:
    written = [tmp_path / name for name in ("scores.csv", "sheet.png", "report")]
    outputs = [
        part
        for pair in zip(("--csv", "--sheet", "--report"), map(str, written), strict=True)
        for part in pair
    ]
    assert main(["score", str(nested), "--recursive", *outputs]) == 2
    assert "broken.png" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == [nested.name]
    assert main(["score", str(nested), "--recursive", "--skip-unreadable", *outputs]) == 0
    told = capsys.readouterr()
    assert "left out" in told.err and "broken.png" in told.err and "3 pictures" in told.out
    assert all(path.exists() for path in written)


def test_nothing_but_broken_pictures_is_an_error(nested: Path, capsys) -> None:
    broken = str(nested / "epoch 1" / "broken.png")
    assert main(["score", broken, "--skip-unreadable"]) == 2
    assert "broken.png" in capsys.readouterr().err
    assert main(["score", str(nested), "--skip-unreadable", "--method", "nearst"]) == 2
    assert "nearst" in capsys.readouterr().err


def test_the_report_holds_tables_and_a_sheet_and_may_be_written_again(pictures: Path, tmp_path: Path) -> None:
    report, sheet = tmp_path / "report", tmp_path / "sheet.png"
    arguments = ["score", str(pictures), "--prompt", "green background", "--report", str(report)]
    for order in ("first", "worst"):
        assert main([*arguments, "--sheet", str(sheet), "--sheet-order", order, "--sheet-count", "1"]) == 0
        assert sorted(p.name for p in report.iterdir()) == ["scores.csv", "scores.json", "sheet.png"]
        assert (report / "sheet.png").read_bytes() == sheet.read_bytes()
        with Image.open(sheet) as drawn:
            colors = {color for _, color in drawn.convert("RGB").getcolors(1 << 24)}
        assert (143, 94, 61) in colors and (3, 220, 115) not in colors  # brown is the first and the worst
    table = (report / "scores.csv").read_text(encoding="utf-8").splitlines()
    assert [",yes," in line for line in table[1:]] == [False, True]
    assert [s["background_match"] for s in json.loads((report / "scores.json").read_text())["scores"]] == [
        "no",
        "yes",
    ]


def test_pictures_of_one_name_need_their_folder_in_the_table(nested: Path, tmp_path: Path, capsys) -> None:
    (nested / "epoch 1" / "broken.png").unlink()
    table = tmp_path / "prompts.csv"
    rows = ["file,prompt", "brown.png,brown background", "green.png,a hat"]
    arguments = ["score", str(nested), "--recursive", "--prompts", str(table), "--json"]
    table.write_text("\n".join(rows), encoding="utf-8")
    assert main(arguments) == 2
    assert "epoch 1/seed 2/green.png" in json.loads(capsys.readouterr().out)["error"]["problem"]
    rows.append("epoch 1\\seed 2\\green.png,green background")
    table.write_text("\n".join(rows), encoding="utf-8")
    assert main(arguments) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert [s["background_match"] for s in scores] == ["yes", "not asked", "yes"]
    table.write_text("\n".join([*rows, "green.png,another"]), encoding="utf-8")
    assert main(arguments) == 2
    assert "second prompt" in capsys.readouterr().out


def test_many_pictures_print_few_lines_and_write_all(pictures: Path, tmp_path: Path, capsys) -> None:
    for number in range(120):
        (pictures / f"copy {number:03}.png").symlink_to(pictures / "green.png")
    written = tmp_path / "all.csv"
    assert main(["score", str(pictures), "--csv", str(written)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert len(told) < 60 and "72 more" in told[-3] and "122 pictures" in told[-2]
    assert len(written.read_text(encoding="utf-8").splitlines()) == 123


def test_names_that_are_no_text_are_written_all_the_same(
    pictures: Path, tmp_path: Path, capsysbinary
) -> None:
    odd = os.fsencode(str(pictures)) + b"/\xff\xfe,\n.png"
    try:
        Path(os.fsdecode(odd)).write_bytes((pictures / "green.png").read_bytes())
    except OSError:
        pytest.skip("this file system takes only text as names")
    written = tmp_path / "all.csv"
    assert main(["score", str(pictures), "--csv", str(written), "--report", str(tmp_path / "report")]) == 0
    with written.open(encoding="utf-8", newline="") as file:
        assert [row["picture"].endswith(",\n.png") for row in csv.DictReader(file)].count(True) == 1
    rows = [line for line in capsysbinary.readouterr().out.splitlines() if b".png  " in line]
    assert len(rows) == 3  # one line each, whatever the name holds
