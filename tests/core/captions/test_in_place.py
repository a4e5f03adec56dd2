from __future__ import annotations

import os
from pathlib import Path

import pytest
from caption_folders import CLEANED, DIRTY, clean, content, run_child, write_set

from bespoke_core.captions.backup import restore
from bespoke_core.captions.clean_dataset import clean_dataset
from bespoke_core.captions.dataset import read_dataset
from bespoke_core.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_set(tmp_path / "punks", dict.fromkeys("abcdef", DIRTY))


def test_a_failure_halfway_brings_everything_back(folder: Path) -> None:
    before = content(folder)

    def turn_a_caption_into_a_folder(done: int, total: int) -> None:
        if done == total:
            (folder / "d.txt").rename(folder / "d.bak")
            (folder / "d.txt").mkdir()

    dataset = read_dataset(folder)
    with pytest.raises(InputError, match="cannot be written"):
        clean_dataset(dataset, in_place=True, on_progress=turn_a_caption_into_a_folder)
    (folder / "d.txt").rmdir()
    (folder / "d.bak").rename(folder / "d.txt")
    assert content(folder) == before


def test_a_caption_that_someone_edits_meanwhile_is_not_lost(folder: Path) -> None:
    def edit(done: int, total: int) -> None:
        if done == total:
            (folder / "d.txt").write_text("my new words", encoding="utf-8")

    before = content(folder) | {"d.txt": b"my new words"}
    with pytest.raises(InputError, match=r"d\.txt: was changed by someone else"):
        clean_dataset(read_dataset(folder), in_place=True, on_progress=edit)
    assert content(folder) == before


def test_a_full_disk_changes_nothing(full_disk) -> None:
    texts = {f"{i}": f"red hat (#aabbcc), number {i}, " + "x" * 5000 for i in range(24)}
    folder = write_set(full_disk.folder / "set", texts)
    before = content(folder)
    with (
        full_disk.full(),
        pytest.raises(InputError, match=r"cannot be written \(.*\); nothing was changed\. Free"),
    ):
        clean(folder, in_place=True)
    assert content(folder) == before
    assert not (folder / ".bespoke-backup").exists()


def test_a_folder_that_may_not_be_written_is_left_as_it_is(unprivileged) -> None:
    with unprivileged.bound() as place:
        folder = write_set(place / "set", {"a": DIRTY})
        folder.chmod(0o500)
        with pytest.raises(InputError, match=r"cannot be written .*; nothing was changed"):
            clean(folder, in_place=True)
        assert content(folder) == {"a.txt": DIRTY.encode()}


def test_a_sub_folder_that_may_not_be_written_leaves_the_others_as_they_are(unprivileged) -> None:
    with unprivileged.bound() as place:
        folder = write_set(place / "kohya", {"1_a/a": DIRTY, "2_b/b": DIRTY})
        (folder / "2_b").chmod(0o500)
        before = content(folder)
        with pytest.raises(InputError, match=r"cannot be written .*; nothing was changed"):
            clean(folder, in_place=True)
        assert content(folder) == before


def test_the_rights_of_a_caption_stay(folder: Path) -> None:
    (folder / "a.txt").chmod(0o640)
    clean(folder, in_place=True)
    assert (folder / "a.txt").stat().st_mode & 0o777 == 0o640
    restore(folder)
    assert (folder / "a.txt").stat().st_mode & 0o777 == 0o640


def test_a_linked_caption_is_not_changed_in_place(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text(DIRTY, encoding="utf-8")
    (folder / "g.txt").symlink_to(outside)
    before = content(folder)
    with pytest.raises(InputError, match=r"g\.txt: is a link to .*outside\.txt; .* Clean into a new folder"):
        clean(folder, in_place=True)
    assert content(folder) == before
    assert (folder / "g.txt").is_symlink()
    assert outside.read_text(encoding="utf-8") == DIRTY


def test_a_linked_caption_that_stays_the_same_is_no_obstacle(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text(CLEANED, encoding="utf-8")
    (folder / "g.txt").symlink_to(tmp_path / "outside.txt")
    assert clean(folder, in_place=True).changed == 6
    assert (folder / "g.txt").is_symlink()


def test_captions_in_a_linked_folder_are_not_changed_in_place(tmp_path: Path) -> None:
    elsewhere = write_set(tmp_path / "elsewhere", {"a": DIRTY})
    folder = tmp_path / "kohya"
    folder.mkdir()
    (folder / "10_punk").symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(InputError, match="10_punk: is a link to"):
        clean(folder, in_place=True)
    assert content(elsewhere) == {"a.txt": DIRTY.encode()}


def test_a_backup_folder_that_is_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / ".bespoke-backup").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(InputError, match="is a link to"):
        clean(folder, in_place=True)
    assert content(tmp_path / "elsewhere") == {}


# A real process that is killed at its n-th event of a kind, between any two instructions of ours.
_KILLED = """
import os, signal, sys
from bespoke_core.captions.clean_dataset import clean_dataset
from bespoke_core.captions.dataset import read_dataset
folder, kind, number = sys.argv[1:]
dataset, done = read_dataset(folder), 0
def hook(event, arguments):
    global done
    done += event == kind
    if event == kind and done == int(number):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
clean_dataset(dataset, in_place=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("number", [2, 4, 7])
def test_a_cleaning_killed_while_it_replaces_captions_is_mended_by_restore(folder: Path, number: int) -> None:
    before = content(folder)
    assert run_child(_KILLED, folder, "os.rename", number).returncode == -9
    texts = [(folder / f"{name}.txt").read_text(encoding="utf-8") for name in "abcdef"]
    assert texts == [CLEANED] * (number - 2) + [DIRTY] * (8 - number)
    restore(folder)
    assert {name: data for name, data in content(folder).items() if not name.startswith(".")} == before
    assert clean(folder, in_place=True).changed == 6


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_an_edit_of_a_caption_that_a_killed_cleaning_never_came_to_stays(folder: Path) -> None:
    assert run_child(_KILLED, folder, "os.rename", 4).returncode == -9
    (folder / "f.txt").write_text("my new words", encoding="utf-8")
    restore(folder)
    texts = [(folder / f"{name}.txt").read_text(encoding="utf-8") for name in "abcdef"]
    assert texts == [DIRTY] * 5 + ["my new words"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_cleaning_killed_before_that_has_changed_nothing(folder: Path) -> None:
    before = content(folder)
    assert run_child(_KILLED, folder, "os.link", 3).returncode == -9
    assert {name: data for name, data in content(folder).items() if not name.startswith(".")} == before
    with pytest.raises(InputError, match="no backup to bring back; a cleaning was stopped, but before"):
        restore(folder)
    assert clean(folder, in_place=True).changed == 6
