from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

import pytest
from caption_folders import CLEANED, DIRTY, clean, content, run_child, write_set

from bespoke_core.captions.backup import restore
from bespoke_core.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_set(tmp_path / "punks", {"a": DIRTY, "b": "\ufeff" + DIRTY, "c": "blue hat"}, pictures=True)


def test_cleaning_in_place_is_undone_byte_for_byte(folder: Path) -> None:
    before = content(folder)
    report = clean(folder, in_place=True)
    assert (folder / "a.txt").read_text(encoding="utf-8") == CLEANED
    assert report.backup is not None and report.backup.parent == folder / ".bespoke-backup"
    restored = restore(folder)
    assert restored.files == ("a.txt", "b.txt")
    after = {name: data for name, data in content(folder).items() if not name.startswith(".")}
    assert after == before


def test_cleaning_in_place_again_changes_nothing_and_makes_no_backup(folder: Path) -> None:
    clean(folder, in_place=True)
    before = content(folder)
    report = clean(folder, in_place=True)
    assert (report.changed, report.backup) == (0, None)
    assert content(folder) == before


def test_backups_are_brought_back_one_by_one_newest_first(folder: Path) -> None:
    (folder / "a.txt").write_text(DIRTY, encoding="utf-8")
    clean(folder, in_place=True, strategy="2025")
    first = (folder / "a.txt").read_bytes()
    (folder / "a.txt").write_text("odd (#aabbcc)", encoding="utf-8")
    clean(folder, in_place=True)
    restore(folder)
    assert (folder / "a.txt").read_text(encoding="utf-8") == "odd (#aabbcc)"
    (folder / "a.txt").write_bytes(first)
    restore(folder)
    assert (folder / "a.txt").read_text(encoding="utf-8") == DIRTY
    with pytest.raises(InputError, match="no backup to bring back"):
        restore(folder)


def test_a_folder_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        restore(tmp_path / "nowhere")


def test_captions_edited_after_the_cleaning_are_not_lost(folder: Path) -> None:
    clean(folder, in_place=True)
    (folder / "a.txt").write_text("my new words", encoding="utf-8")
    (folder / "b.txt").unlink()
    before = content(folder)
    with pytest.raises(InputError, match=r"1 of the captions changed after the cleaning \(a\.txt\)"):
        restore(folder)
    assert content(folder) == before
    restore(folder, overwrite_edits=True)
    assert (folder / "a.txt").read_text(encoding="utf-8") == DIRTY
    assert (folder / "b.txt").exists()


@pytest.mark.parametrize("victim", ["a.txt", "manifest.jsonl"])
def test_a_damaged_backup_changes_nothing(folder: Path, victim: str) -> None:
    report = clean(folder, in_place=True)
    assert report.backup is not None
    (report.backup / victim).write_bytes(b"{}\n")
    before = content(folder)
    with pytest.raises(InputError, match="damaged"):
        restore(folder)
    assert content(folder) == before


def test_folders_with_repeats_are_brought_back_too(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "kohya", {"10_punk/a": DIRTY, "2_lady/a": DIRTY})
    before = content(folder)
    clean(folder, in_place=True)
    assert restore(folder).files == ("2_lady/a.txt", "10_punk/a.txt")
    assert {name: data for name, data in content(folder).items() if not name.startswith(".")} == before


@pytest.mark.parametrize(
    "name", ["../outside.txt", "/etc/hosts", "a/../../outside.txt", "x/y/z.txt", ".hidden", "10_a/", ""]
)
def test_a_backup_that_names_a_file_elsewhere_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    report = clean(folder, in_place=True)
    assert report.backup is not None
    (tmp_path / "outside.txt").write_text("mine", encoding="utf-8")
    line = json.dumps({"file": name, "before": "0" * 64, "after": "1" * 64}) + "\n"
    end = json.dumps({"files": 1, "key": hashlib.sha256(line.encode()).hexdigest()})
    (report.backup / "manifest.jsonl").write_text(line + end + "\n", encoding="utf-8")
    before = content(tmp_path)
    with pytest.raises(InputError, match="is no caption of this folder"):
        restore(folder, overwrite_edits=True)
    assert content(tmp_path) == before


def test_a_caption_that_became_a_link_is_not_written_through(folder: Path, tmp_path: Path) -> None:
    clean(folder, in_place=True)
    outside = tmp_path / "outside.txt"
    outside.write_text(CLEANED, encoding="utf-8")
    (folder / "a.txt").unlink()
    (folder / "a.txt").symlink_to(outside)
    with pytest.raises(InputError, match=r"a\.txt: is a link to"):
        restore(folder)
    assert outside.read_text(encoding="utf-8") == CLEANED


_KILLED_RESTORE = """
import os, signal, sys
from bespoke_core.captions.backup import restore
done = 0
def hook(event, arguments):
    global done
    done += event == "os.rename"
    if event == "os.rename" and done == 2:
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
restore(sys.argv[1])
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_restore_that_was_killed_can_be_repeated(folder: Path) -> None:
    before = content(folder)
    clean(folder, in_place=True)
    assert run_child(_KILLED_RESTORE, folder).returncode == -9
    assert restore(folder).files == ("a.txt", "b.txt")
    leftovers = {name for name in content(folder) if name.endswith(".tmp")}
    after = {name: data for name, data in content(folder).items() if not name.startswith(".")}
    assert after == before
    assert len(leftovers) <= 1


def test_a_full_disk_stops_a_restore_that_can_be_repeated(full_disk) -> None:
    texts = {f"{index}": f"red hat (#aabbcc), number {index}, " + "x" * 5000 for index in range(6)}
    folder = write_set(full_disk.folder / "set", texts)
    before = content(folder)
    clean(folder, in_place=True)
    filler = full_disk.folder / "filler"
    with (
        full_disk.full(),
        pytest.raises(InputError, match=r"cannot be written \(.*\); restore again to go on"),
    ):
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as rest:
            while rest.write(b"x" * 4096):
                pass
        restore(folder)
    filler.unlink()
    assert len(restore(folder).files) == 6
    assert {name: data for name, data in content(folder).items() if not name.startswith(".")} == before


def test_a_restore_without_rights_can_be_repeated_with_them(unprivileged) -> None:
    with unprivileged.bound() as place:
        folder = write_set(place / "set", {"a": DIRTY})
        clean(folder, in_place=True)
        folder.chmod(0o500)
        with pytest.raises(InputError, match=r"cannot be written .*restore again .*that you may write to"):
            restore(folder)
        folder.chmod(0o700)
        assert restore(folder).files == ("a.txt",)
        assert (folder / "a.txt").read_text(encoding="utf-8") == DIRTY


def test_a_backup_is_another_file_where_disks_know_no_second_names(folder: Path, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("this disk knows no second names")

    monkeypatch.setattr(os, "link", refuse)
    report = clean(folder, in_place=True)
    assert report.backup is not None
    assert (report.backup / "a.txt").read_text(encoding="utf-8") == DIRTY
    assert restore(folder).files == ("a.txt", "b.txt")
    assert (folder / "a.txt").read_text(encoding="utf-8") == DIRTY
