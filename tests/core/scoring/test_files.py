"""Scoring a folder of pictures of different sizes, and writing the scores whole or not at all."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bespoke_core.errors import InputError
from bespoke_core.scoring.files import ScoresFolder, score_files
from bespoke_core.scoring.reference import measure_reference
from bespoke_core.scoring.score import score_pictures, scores_csv
from bespoke_core.sprites.pictures import read_picture


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Four noisy pictures of different sizes, one with a comma and letters beyond ASCII in its name."""
    rng = np.random.default_rng(7)
    made = []
    for number, (name, size) in enumerate(
        {"a": (48, 48), "b, \u96ea": (96, 72), "c": (24, 24), "d": (50, 99)}.items()
    ):
        path = tmp_path / "pictures" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        cells = rng.integers(0, 40 * (number + 1), (24, 24, 3), dtype=np.uint8)
        Image.fromarray(cells).resize(size, Image.Resampling.NEAREST).save(path)
        made.append(path)
    return made


def test_each_file_scores_as_the_picture_alone(paths: list[Path]) -> None:
    prompts = ["green background", None, "", "red hair"]
    found = list(score_files(paths, prompts=prompts))
    assert [one.path for one in found] == paths
    for one, prompt in zip(found, prompts, strict=True):
        alone = read_picture(one.path)
        assert np.array_equal(one.picture, alone)
        asked = None if prompt is None else [prompt]
        assert [one.scores] == score_pictures(alone[None], prompts=asked)


def test_files_are_read_one_by_one(paths: list[Path]) -> None:
    told: list[tuple[int, int]] = []
    running = score_files(paths, on_progress=lambda done, total: told.append((done, total)))
    next(running)
    paths[-1].unlink()
    assert told == [(0, 4)]
    with pytest.raises(InputError, match="no such picture"):
        list(running)
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4)]


def test_a_picture_smaller_than_the_sprite_is_named(paths: list[Path]) -> None:
    with pytest.raises(InputError) as caught:
        list(score_files(paths, size=(32, 32)))
    assert caught.value.file == str(paths[2])


def test_what_cannot_be_scored_is_left_out_and_named_when_asked(paths: list[Path]) -> None:
    paths[0].write_bytes(b"no picture")
    left: dict[Path, InputError] = {}
    found = list(score_files(paths, size=(32, 32), skip=left.__setitem__))
    assert [one.path for one in found] == [paths[1], paths[3]]
    assert list(left) == [paths[0], paths[2]]
    assert [error.file for error in left.values()] == [str(paths[0]), str(paths[2])]


def test_a_prompt_too_few_is_refused(paths: list[Path]) -> None:
    with pytest.raises(InputError, match="3 prompts for 4 pictures"):
        list(score_files(paths, prompts=["a", "b", "c"]))


def test_both_files_hold_what_was_measured(paths: list[Path], tmp_path: Path) -> None:
    reference = measure_reference(np.zeros((1, 24, 24, 3), np.uint8))
    with ScoresFolder(tmp_path / "out", reference=reference, more={"prompt": "caf\u00e9"}) as out:
        for one in score_files(paths, reference=reference):
            out.add(one.path.name, one.scores)
    scores = [one.scores for one in score_files(paths, reference=reference)]
    names = [path.name for path in paths]
    assert (tmp_path / "out" / "scores.csv").read_bytes() == scores_csv(scores, names).encode()
    with (tmp_path / "out" / "scores.csv").open(encoding="utf-8", newline="") as source:
        assert [row["picture"] for row in csv.DictReader(source)] == names
    written = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert written == {
        "scores": [{"file": n, **s.to_dict()} for n, s in zip(names, scores, strict=True)],
        "size": [24, 24],
        "method": "nearest",
        "reference": reference.to_dict(),
        "prompt": "caf\u00e9",
    }


def test_what_was_there_stays_when_a_picture_is_broken(paths: list[Path], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "scores.csv").write_text("older")
    paths[-1].write_bytes(paths[-1].read_bytes()[:60])
    with pytest.raises(InputError, match=r"d\.png"), ScoresFolder(tmp_path / "out") as out:
        for one in score_files(paths):
            out.add(one.path.name, one.scores)
    assert [p.name for p in tmp_path.iterdir() if p.name != "pictures"] == ["out"]
    assert (tmp_path / "out" / "scores.csv").read_text() == "older"


def test_a_name_whose_bytes_are_no_text_is_written_all_the_same(paths: list[Path], tmp_path: Path) -> None:
    (one, *_) = score_files(paths[:1])
    with ScoresFolder(tmp_path / "out") as out:
        out.add("caf\udce9.png", one.scores)
    written = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert written["scores"][0]["file"] == "caf\\udce9.png"
