"""The verbs `downscale` and `score` as scripts use them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bespoke_core.cli import main


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
