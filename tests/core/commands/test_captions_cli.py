from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from bespoke_core import cli
from bespoke_core.commands import VERBS

DIRTY = "pixel art, brown hair (#aabbcc), red hat (#aabbcc), palette: #aabbcc, sharp pixel edges, #445566"


@pytest.fixture(autouse=True)
def only_the_caption_verbs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "VERBS", [verb for verb in VERBS if verb.module == "captions"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "punks"
    folder.mkdir()
    (folder / "a.txt").write_text(DIRTY, encoding="utf-8")
    Image.new("RGB", (8, 8), "red").save(folder / "a.png")
    return folder


def run(*words: object) -> int:
    return cli.main([str(word) for word in words])


def test_audit_ends_with_1_when_it_finds_something(folder: Path, capsys) -> None:
    assert run("audit", folder, "--json") == 1
    form = json.loads(capsys.readouterr().out)
    assert (form["captions"], form["codes"]) == (1, 4)
    assert form["files_with"]["duplicate_code"] == form["files_with"]["uncaptioned_code"] == 1
    assert set(form["findings"][0]) == {"file", "finding", "span", "text", "severity", "advice"}


def test_audit_ends_with_0_when_there_is_nothing(folder: Path, capsys) -> None:
    (folder / "a.txt").write_text("pixel art, brown hair, red hat", encoding="utf-8")
    assert run("audit", folder) == 0
    assert capsys.readouterr().out == "1 captions, 0 colour codes, 0 findings\n"


def test_audit_tells_people_the_counts_and_the_worst_files(folder: Path, capsys) -> None:
    assert run("audit", folder) == 1
    out = capsys.readouterr().out
    assert "duplicate_code            1 files       1 places" in out
    assert "  a.txt: " in out


def test_audit_takes_pictures_from_another_folder(folder: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "art").mkdir()
    Image.new("RGB", (8, 8), "red").save(tmp_path / "art" / "b.png")
    run("audit", folder, "--images", tmp_path / "art", "--json")
    kinds = {one["finding"] for one in json.loads(capsys.readouterr().out)["findings"]}
    assert {"missing_caption", "orphan_caption"} <= kinds


def test_bad_input_ends_with_2_and_says_what_to_do(folder: Path, tmp_path: Path, capsys) -> None:
    assert run("audit", tmp_path) == 2
    assert "Choose one of its sub-folders: punks." in capsys.readouterr().err
    assert run("clean", folder) == 2
    assert "no output folder is given" in capsys.readouterr().err
    assert run("restore", folder, "--json") == 2
    assert json.loads(capsys.readouterr().out)["error"]["problem"] == "the folder has no backup to bring back"


def test_clean_writes_a_new_folder(folder: Path, tmp_path: Path, capsys) -> None:
    assert run("clean", folder, "--output", tmp_path / "out", "--with-images", "--json") == 0
    form = json.loads(capsys.readouterr().out)
    assert (form["files"], form["changed"], form["codes_removed"], form["codes_left"]) == (1, 1, 4, 0)
    assert form["text_kept"] == 1.0
    assert form["diff"] == [{"file": "a.txt", "before": DIRTY, "after": "pixel art, brown hair, red hat"}]
    assert (tmp_path / "out" / "a.png").exists()


def test_clean_shows_a_dry_run(folder: Path, capsys) -> None:
    assert run("clean", folder, "--dry-run") == 0
    out = capsys.readouterr().out
    assert "+ pixel art, brown hair, red hat\nwould change 1 of 1 captions: 4 codes removed, 0 left" in out
    assert (folder / "a.txt").read_text(encoding="utf-8") == DIRTY


def test_clean_in_place_and_restore(folder: Path, capsys) -> None:
    assert run("clean", folder, "--in-place", "--strategy", "smart", "--colourless", "keep") == 0
    assert "bespoke restore" in capsys.readouterr().out
    assert (folder / "a.txt").read_text(encoding="utf-8") == "pixel art, brown hair, red hat"
    assert run("restore", folder) == 0
    assert "brought back 1 captions" in capsys.readouterr().out
    assert (folder / "a.txt").read_text(encoding="utf-8") == DIRTY


def test_clean_copies_no_pictures_where_there_are_none(folder: Path, tmp_path: Path, capsys) -> None:
    (folder / "a.png").unlink()
    assert run("clean", folder, "--output", tmp_path / "out", "--with-images") == 2
    assert "there are no pictures to copy" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_clean_can_leave_out_what_cannot_be_read(folder: Path, tmp_path: Path, capsys) -> None:
    (folder / "b.txt").write_bytes(b"\xff")
    assert run("clean", folder, "--output", tmp_path / "out") == 2
    assert "b.txt: is not UTF-8 at byte 0" in capsys.readouterr().err
    assert run("clean", folder, "--output", tmp_path / "out", "--skip-unreadable") == 0
    assert "left out: b.txt" in capsys.readouterr().out


def test_captions_of_another_ending(folder: Path, capsys) -> None:
    (folder / "a.txt").rename(folder / "a.caption")
    assert run("audit", folder, "--caption-extension", ".caption", "--json") == 1
    assert json.loads(capsys.readouterr().out)["captions"] == 1
