from __future__ import annotations

import errno
from pathlib import Path

import pytest
from caption_folders import content, write_set

from bespoke_core import cli
from bespoke_core.captions.disk import flush, refuse_links, temporary_beside
from bespoke_core.errors import InputError
from bespoke_core.files import clear_errors


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EROFS, "you may write to"),
        (errno.EIO, "Check the"),
    ],
)
def test_a_failure_to_write_says_what_to_do(tmp_path: Path, number: int, remedy: str) -> None:
    with (
        pytest.raises(
            InputError, match=rf"cannot be written \(.+\); one half is there\. .*{remedy}"
        ) as caught,
        clear_errors(tmp_path, "one half is there"),
    ):
        raise OSError(number, "it failed")
    assert caught.value.file == str(tmp_path)


def test_errors_of_other_kinds_pass(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), clear_errors(tmp_path):
        raise KeyboardInterrupt


def test_more_files_than_are_listed_at_a_time_are_flushed(tmp_path: Path) -> None:
    write_set(tmp_path, {f"{index % 3}_a/{index}": "x" for index in range(1100)})
    before = content(tmp_path)
    flush(tmp_path)
    assert content(tmp_path) == before
    (tmp_path / "0_a" / "gone.txt").symlink_to(tmp_path / "gone")
    with pytest.raises(FileNotFoundError):
        flush(tmp_path)


def test_a_temporary_name_is_no_data(tmp_path: Path) -> None:
    one, other = temporary_beside(tmp_path / ("x" * 240)), temporary_beside(tmp_path / ("x" * 240))
    assert one != other and one.parent == tmp_path
    assert one.name.startswith(".") and one.suffix == ".tmp" and len(one.name) < 100


def test_links_are_refused_wherever_they_stand_below_the_folder(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", {"10_a/a": "x", "b": "x"})
    (tmp_path / "linked").symlink_to(folder, target_is_directory=True)
    refuse_links(tmp_path / "linked", "b.txt")
    refuse_links(tmp_path / "linked", "10_a/a.txt")
    (folder / "20_b").symlink_to(folder / "10_a", target_is_directory=True)
    for file in ("20_b/a.txt", "20_b"):
        with pytest.raises(InputError, match=r"20_b: is a link to .*10_a"):
            refuse_links(folder, file)


def test_a_report_that_the_disk_has_no_room_for_is_not_written(full_disk, tmp_path: Path, capsys) -> None:
    folder = write_set(tmp_path / "set", {f"{index}": "hair (((((((((" * 20 for index in range(40)})
    with full_disk.full():
        assert cli.main(["audit", str(folder), "--report", str(full_disk.folder / "report")]) == 2
    assert "report: cannot be written (" in capsys.readouterr().err
    assert list(full_disk.folder.iterdir()) == []
