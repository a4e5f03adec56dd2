from __future__ import annotations

from pathlib import Path

import pytest
from caption_folders import CLEANED, DIRTY, clean, content, write_set

from bespoke_core.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_set(tmp_path / "punks", {"a": DIRTY, "b": "\ufeff" + DIRTY, "c": "blue hat"}, pictures=True)


def test_the_same_output_can_be_written_again(folder: Path, tmp_path: Path) -> None:
    clean(folder, output=tmp_path / "out", copy_images=True)
    times = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    (tmp_path / "out" / "notes.md").write_text("mine", encoding="utf-8")
    report = clean(folder, output=tmp_path / "out", copy_images=True)
    assert report.changed == 2
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir() if p.suffix != ".md"} == times


def test_a_changed_source_replaces_its_own_output(folder: Path, tmp_path: Path) -> None:
    clean(folder, output=tmp_path / "out")
    (folder / "a.txt").write_text("green hat (#00ff00)", encoding="utf-8")
    (folder / "c.txt").unlink()
    clean(folder, output=tmp_path / "out")
    assert (tmp_path / "out" / "a.txt").read_text(encoding="utf-8") == "green hat"
    assert not (tmp_path / "out" / "c.txt").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "punks"]


def test_files_of_others_are_never_replaced(folder: Path, tmp_path: Path) -> None:
    clean(folder, output=tmp_path / "out")
    (tmp_path / "out" / "a.txt").write_text("edited by hand", encoding="utf-8")
    before = content(tmp_path / "out")
    with pytest.raises(InputError, match=r"a\.txt was added or changed since"):
        clean(folder, output=tmp_path / "out")
    assert content(tmp_path / "out") == before
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.doc").write_bytes(b"years of work")
    with pytest.raises(InputError, match=r"already holds other files \(thesis\.doc\)"):
        clean(folder, output=other)
    assert content(other) == {"thesis.doc": b"years of work"}


def test_another_sources_output_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    clean(folder, output=tmp_path / "out")
    second = tmp_path / "second"
    second.mkdir()
    (second / "z.txt").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="already holds other files"):
        clean(second, output=tmp_path / "out")


def test_an_empty_folder_may_be_the_output(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    clean(folder, output=tmp_path / "out")
    assert (tmp_path / "out" / "a.txt").read_text(encoding="utf-8") == CLEANED


def test_the_source_and_the_folders_above_it_are_no_output(folder: Path, tmp_path: Path) -> None:
    for output in (folder, tmp_path, folder / ".." / "punks"):
        with pytest.raises(InputError, match="is, or holds, the folder that is cleaned"):
            clean(folder, output=output)


def test_files_of_others_in_a_sub_folder_are_not_replaced_either(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", {"10_punk/a": DIRTY})
    clean(folder, output=tmp_path / "out")
    (tmp_path / "out" / "10_punk" / "notes.md").write_text("mine", encoding="utf-8")
    (folder / "10_punk" / "a.txt").write_text("blue hat", encoding="utf-8")
    with pytest.raises(InputError, match=r"10_punk/notes\.md was added or changed since"):
        clean(folder, output=tmp_path / "out")
    assert (tmp_path / "out" / "10_punk" / "notes.md").exists()


def test_a_full_disk_leaves_no_output_folder(full_disk, tmp_path: Path) -> None:
    texts = {f"{i}": f"red hat number {i}, " + "x" * 5000 for i in range(80)}
    folder = write_set(tmp_path / "set", texts)
    before = content(folder)
    with (
        full_disk.full(),
        pytest.raises(InputError, match=r"cannot be written \(.*\); nothing was changed\. Free"),
    ):
        clean(folder, output=full_disk.folder / "out")
    assert list(full_disk.folder.iterdir()) == []
    assert content(folder) == before


def test_a_folder_that_may_not_be_written_is_named(unprivileged) -> None:
    with unprivileged.bound() as place:
        folder = write_set(place / "set", {"a": DIRTY})
        closed = place / "closed"
        closed.mkdir(mode=0o500)
        with pytest.raises(InputError, match=r"closed/out: cannot be written .*Choose a folder"):
            clean(folder, output=closed / "out")


def test_a_picture_that_may_not_be_read_is_named(unprivileged) -> None:
    with unprivileged.bound() as place:
        folder = write_set(place / "set", {"a": DIRTY}, pictures=True)
        (folder / "a.png").chmod(0)
        with pytest.raises(InputError, match=r"a\.png: cannot be read"):
            clean(folder, output=place / "new", copy_images=True)
        assert not (place / "new").exists()


def test_a_linked_caption_is_copied_not_linked(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", {"a": DIRTY})
    outside = tmp_path / "outside.txt"
    outside.write_text(DIRTY, encoding="utf-8")
    (folder / "b.txt").symlink_to(outside)
    clean(folder, output=tmp_path / "out")
    assert (tmp_path / "out" / "b.txt").read_text(encoding="utf-8") == CLEANED
    assert not (tmp_path / "out" / "b.txt").is_symlink()
    assert outside.read_text(encoding="utf-8") == DIRTY
