from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from caption_folders import content, run_child, write_set
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
    assert capsys.readouterr().out == "1 caption, 0 colour codes, 0 findings\n"


def test_audit_tells_people_the_counts_and_the_worst_files(folder: Path, capsys) -> None:
    assert run("audit", folder) == 1
    out = capsys.readouterr().out
    assert "duplicate_code            1 files       1 places" in out
    assert "  a.txt: " in out


def test_audit_tells_people_what_keeps_a_file_from_being_read(folder: Path, capsys) -> None:
    (folder / "a.txt").write_bytes("café".encode("cp1252"))
    assert run("audit", folder) == 1
    out = capsys.readouterr().out
    assert 'Is not UTF-8 at byte 3 (0xe9); as Windows-1252 it reads "café".' in out
    assert "clean with --encoding cp1252" in out


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
    assert "+ pixel art, brown hair, red hat\nwould change 1 of 1 caption: 4 codes removed, 0 left" in out
    assert (folder / "a.txt").read_text(encoding="utf-8") == DIRTY


def test_clean_in_place_and_restore(folder: Path, capsys) -> None:
    assert run("clean", folder, "--in-place", "--strategy", "smart", "--colourless", "keep") == 0
    assert "bespoke restore" in capsys.readouterr().out
    assert (folder / "a.txt").read_text(encoding="utf-8") == "pixel art, brown hair, red hat"
    assert run("restore", folder) == 0
    assert "brought back 1 caption" in capsys.readouterr().out
    assert (folder / "a.txt").read_text(encoding="utf-8") == DIRTY


def test_colours_cannot_be_named_without_pictures(folder: Path, tmp_path: Path, capsys) -> None:
    (folder / "a.png").unlink()
    assert run("clean", folder, "--output", tmp_path / "out", "--colourless", "name") == 2
    assert "there are no pictures to see the colours in. Name the" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


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


def test_captions_are_found_by_the_ending_that_the_pictures_have(folder: Path, capsys) -> None:
    (folder / "a.txt").rename(folder / "a.caption")
    (folder / "readme.txt").write_text("about this set", encoding="utf-8")
    run("audit", folder, "--json")
    form = json.loads(capsys.readouterr().out)
    assert form["captions"] == 1
    assert {one["file"] for one in form["findings"]} == {"a.caption"}


def test_audit_looks_into_folders_with_repeats(folder: Path, capsys) -> None:
    (folder / "10_punk").mkdir()
    for name in ("a.txt", "a.png"):
        (folder / name).rename(folder / "10_punk" / name)
    run("audit", folder, "--json")
    assert {one["file"] for one in json.loads(capsys.readouterr().out)["findings"]} == {"10_punk/a.txt"}


def test_audit_can_leave_the_pictures_alone(folder: Path, capsys) -> None:
    (folder / "a.png").write_bytes(b"no picture")
    run("audit", folder, "--json")
    assert json.loads(capsys.readouterr().out)["files_with"]["broken_picture"] == 1
    run("audit", folder, "--json", "--text-only")
    assert "broken_picture" not in json.loads(capsys.readouterr().out)["files_with"]


def test_style_phrases_are_the_users(folder: Path, capsys) -> None:
    def boilerplate(*options: str) -> list[str]:
        run("audit", folder, "--json", *options)
        findings = json.loads(capsys.readouterr().out)["findings"]
        return [one["text"] for one in findings if one["finding"] == "boilerplate"]

    assert boilerplate() == ["sharp pixel edges"]
    assert boilerplate("--style-phrase", "Pixel Art") == ["pixel art", "sharp pixel edges"]
    assert boilerplate("--style-phrase", "Pixel Art", "--keep-style") == ["pixel art"]
    assert boilerplate("--keep-style") == []


def test_audit_writes_a_report_for_people(folder: Path, tmp_path: Path, capsys) -> None:
    assert run("audit", folder, "--report", tmp_path / "report") == 1
    out = capsys.readouterr().out
    for name in ("report.html", "report.md", "findings.jsonl"):
        assert f"written: {tmp_path / 'report' / name}" in out
    lines = (tmp_path / "report" / "findings.jsonl").read_text(encoding="utf-8").splitlines()
    run("audit", folder, "--report", tmp_path / "report", "--json")
    form = json.loads(capsys.readouterr().out)
    assert [json.loads(line) for line in lines] == form["findings"]
    assert form["report"]["html"] == str(tmp_path / "report" / "report.html")


def test_a_report_is_not_written_over_other_files(folder: Path, capsys) -> None:
    assert run("audit", folder, "--report", folder) == 2
    assert (folder / "a.txt").read_text(encoding="utf-8") == DIRTY


def test_audit_warns_of_captions_longer_than_training_reads(folder: Path, capsys) -> None:
    (folder / "a.txt").write_text("red hat, " * 30, encoding="utf-8")
    run("audit", folder, "--json")
    files_with = json.loads(capsys.readouterr().out)["files_with"]
    if "over_token_limit" not in files_with:
        pytest.skip("there is no tokenizer on this machine")
    assert files_with["over_token_limit"] == 0
    run("audit", folder, "--json", "--max-token-length", "75")
    assert json.loads(capsys.readouterr().out)["files_with"]["over_token_limit"] == 1


def test_a_dry_run_shows_the_colours_that_would_be_named_and_why(folder: Path, capsys) -> None:
    (folder / "a.txt").write_text("solid background (#ff0000), eyes", encoding="utf-8")
    assert run("clean", folder, "--dry-run", "--colourless", "name") == 0
    out = capsys.readouterr().out
    assert out.startswith("a.txt\n")
    assert '  named: "solid background" is ' in out and "(its code #ff0000 agrees). " in out
    assert '  left:  "eyes". ' in out
    assert "- solid background (#ff0000), eyes\n+ solid " in out
    assert "named 1 colour; 1 feature stays without one" in out
    run("clean", folder, "--dry-run", "--colourless", "name", "--json")
    form = json.loads(capsys.readouterr().out)
    assert (form["repaired"], form["left_colourless"]) == (1, 1)
    assert form["repairs"][0]["code"] == "#ff0000" and form["repairs"][0]["reason"]
    assert form["unrepaired"][0]["feature"] == "eyes"
    assert form["diff"][0]["after"].endswith("background, eyes")


def test_captions_in_another_encoding_are_converted_when_asked(folder: Path, capsys) -> None:
    (folder / "a.txt").write_bytes("café, red hat (#aabbcc)".encode("cp1252"))
    assert run("clean", folder, "--in-place") == 2
    err = capsys.readouterr().err
    assert 'is not UTF-8 at byte 3 (0xe9); as Windows-1252 it reads "café, red hat' in err
    assert "--encoding cp1252" in err
    assert run("clean", folder, "--in-place", "--encoding", "cp1252") == 0
    assert (folder / "a.txt").read_text(encoding="utf-8") == "café, red hat"
    assert run("audit", folder, "--encoding", "klingon") == 2
    assert "is no text encoding" in capsys.readouterr().err


def test_phrases_of_most_captions_are_removed_when_asked(tmp_path: Path, capsys) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for index in range(6):
        (folder / f"{index}.txt").write_text(f"punk, color{index}, smiling, old", encoding="utf-8")
    run("clean", folder, "--in-place", "--remove-frequent", "--trigger", "smiling")
    assert "removed from all captions: old" in capsys.readouterr().out
    assert (folder / "3.txt").read_text(encoding="utf-8") == "punk, color3, smiling"


def test_an_error_half_way_prints_no_half_a_list(folder: Path, capsys) -> None:
    (folder / "b.txt").write_bytes(b"\xff")
    assert run("clean", folder, "--dry-run", "--json") == 2
    assert json.loads(capsys.readouterr().out)["error"]["problem"].startswith("is not UTF-8")


_INTERRUPTED = """
import os, signal, sys
from bespoke_core import cli
# A shell starts what runs in the background with SIGINT ignored, the whole suite, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
def hook(event, arguments):
    if event == "open" and str(arguments[0]).endswith("20.txt"):
        os.kill(os.getpid(), signal.SIGINT)
sys.addaudithook(hook)
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
@pytest.mark.parametrize("how", ["output", "in place"])
def test_control_c_leaves_nothing_half_written(tmp_path: Path, how: str) -> None:
    folder = write_set(tmp_path / "set", {f"{index}": DIRTY for index in range(40)})
    before = content(tmp_path)
    options = ["--in-place"] if how == "in place" else ["--output", tmp_path / "out"]
    done = run_child(_INTERRUPTED, "clean", folder, *options)
    assert (done.returncode, done.stderr) == (130, "cancelled\n")
    assert content(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_people_at_a_terminal_see_how_far_it_is(folder: Path) -> None:
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    words = [sys.executable, "-m", "bespoke_core", "audit", str(folder), "--json"]
    subprocess.run(words, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, stderr=theirs, check=False)
    shown = os.read(ours, 100_000).decode()
    for end in (ours, theirs):
        os.close(end)
    assert "audit: " in shown and "/1 " in shown
