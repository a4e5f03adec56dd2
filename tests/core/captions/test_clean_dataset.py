from __future__ import annotations

import errno
from pathlib import Path

import pytest
from PIL import Image

from bespoke_core.captions import clean_dataset as module
from bespoke_core.captions.backup import restore
from bespoke_core.captions.clean_dataset import clean_dataset
from bespoke_core.captions.dataset import read_dataset, read_training_set
from bespoke_core.captions.report import clean_text
from bespoke_core.errors import InputError

DIRTY = "pixel art, hair (#aabbcc), red hat (#112233), palette: #aabbcc, sharp pixel edges, #445566"
CLEANED = "pixel art, hair, red hat"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "punks"
    folder.mkdir()
    for name, text in (("a", DIRTY), ("b", "\ufeff" + DIRTY), ("c", "blue hat")):
        (folder / f"{name}.txt").write_bytes(text.encode("utf-8"))
        Image.new("RGB", (8, 8), "red").save(folder / f"{name}.png")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def clean(folder: Path, **options):
    return clean_dataset(read_dataset(folder, skip_unreadable=True), **options)


def test_a_new_folder_is_ready_to_train_on(folder: Path, tmp_path: Path) -> None:
    before = content(folder)
    report = clean(folder, output=tmp_path / "out", copy_images=True)
    assert (report.files, report.changed, report.codes_removed, report.codes_left) == (3, 2, 8, 0)
    assert report.text_kept == 1.0
    assert report.diff[0] == {"file": "a.txt", "before": DIRTY, "after": CLEANED}
    items = read_training_set(tmp_path / "out").items
    assert [item.text for item in items] == [CLEANED, CLEANED, "blue hat"]
    assert not items[1].read().recoded
    assert (tmp_path / "out" / "a.png").read_bytes() == (folder / "a.png").read_bytes()
    assert content(folder) == before


def test_without_the_pictures_only_captions_are_written(folder: Path, tmp_path: Path) -> None:
    clean(folder, output=tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if not p.name.startswith(".")) == [
        "a.txt",
        "b.txt",
        "c.txt",
    ]


def test_a_dry_run_writes_nothing_and_shows_the_same(folder: Path, tmp_path: Path) -> None:
    before = content(tmp_path)
    preview = clean(folder, output=tmp_path / "out", dry_run=True)
    assert content(tmp_path) == before
    assert preview.output is None
    assert preview.diff == clean(folder, output=tmp_path / "out").diff
    assert clean(folder, dry_run=True).diff == preview.diff


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


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "no output folder is given"),
        ({"output": "x", "in_place": True}, "exclude each other"),
        ({"in_place": True, "copy_images": True}, "only into an output folder"),
    ],
)
def test_options_that_contradict_each_other_are_refused(folder: Path, options: dict, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        clean(folder, **options)


def test_nothing_is_written_when_a_caption_cannot_be_read(folder: Path, tmp_path: Path) -> None:
    (folder / "b.txt").write_bytes(b"caf\xe9")
    before = content(tmp_path)
    for options in ({"output": tmp_path / "out"}, {"in_place": True}, {"dry_run": True}):
        with pytest.raises(InputError, match=r"b\.txt: is not UTF-8 at byte 3"):
            clean(folder, **options)
    assert content(tmp_path) == before
    report = clean(folder, output=tmp_path / "out", copy_images=True, skip_unreadable=True)
    assert report.skipped == ("b.txt",)
    assert [item.name for item in read_training_set(tmp_path / "out").items] == ["a", "c"]


def test_a_full_disk_leaves_no_output_folder(folder: Path, tmp_path: Path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("bespoke_core.captions.output_folder.shutil.copyfile", full)
    before = content(tmp_path)
    with pytest.raises(OSError, match="No space left"):
        clean(folder, output=tmp_path / "out", copy_images=True)
    assert content(tmp_path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["punks"]


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


def test_captions_edited_after_the_cleaning_are_not_lost(folder: Path) -> None:
    clean(folder, in_place=True)
    (folder / "a.txt").write_text("my new words", encoding="utf-8")
    (folder / "b.txt").unlink()
    before = content(folder)
    with pytest.raises(InputError, match=r"1 captions were changed after the cleaning \(a\.txt\)"):
        restore(folder)
    assert content(folder) == before
    restore(folder, overwrite_edits=True)
    assert (folder / "a.txt").read_text(encoding="utf-8") == DIRTY
    assert (folder / "b.txt").exists()


@pytest.mark.parametrize("victim", ["a.txt", "manifest.json"])
def test_a_damaged_backup_changes_nothing(folder: Path, victim: str) -> None:
    report = clean(folder, in_place=True)
    assert report.backup is not None
    (report.backup / victim).write_bytes(b"{}")
    before = content(folder)
    with pytest.raises(InputError, match="damaged"):
        restore(folder)
    assert content(folder) == before


def test_a_failure_halfway_in_place_brings_everything_back(folder: Path, monkeypatch) -> None:
    before = content(folder)
    real = module.write_bytes

    def fails_on_the_second(path: Path, data: bytes) -> None:
        if path.name == "b.txt":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, data)

    monkeypatch.setattr(module, "write_bytes", fails_on_the_second)
    with pytest.raises(OSError, match="No space left"):
        clean(folder, in_place=True)
    assert content(folder) == before


def test_a_failing_backup_changes_nothing(folder: Path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = content(folder)
    monkeypatch.setattr("bespoke_core.captions.backup.write_json", full)
    with pytest.raises(OSError, match="No space left"):
        clean(folder, in_place=True)
    assert content(folder) == before


def test_the_report_shows_what_changes(folder: Path) -> None:
    text = clean_text(clean(folder, dry_run=True))
    assert "2 of 3 captions change; 8 colour codes removed, 0 left; 100.0% of the words kept." in text
    assert f"- {DIRTY}\n+ {CLEANED}" in text
    short = clean_text(clean(folder, dry_run=True), most=1)
    assert "... and 1 more." in short and "b.txt" not in short


def test_the_json_form_is_the_one_that_scripts_rely_on(folder: Path) -> None:
    form = clean(folder, dry_run=True).to_dict()
    keys = ["files", "changed", "codes_removed", "codes_left", "text_kept", "repairs", "diff"]
    assert list(form)[: len(keys)] == keys
    assert form["repairs"] == []


def test_the_real_set_is_cleaned_into_a_training_folder(shared_data, tmp_path: Path) -> None:
    root = shared_data / "bespoke-punks"
    dataset = read_dataset(root / "captions_original", images=root / "images_512")
    report = clean_dataset(dataset, output=tmp_path / "out", copy_images=True)
    assert (report.files, report.changed) == (203, 203)
    assert (report.codes_removed, report.codes_left, report.text_kept) == (3655, 0, 1.0)
    assert len(read_training_set(tmp_path / "out").items) == 203
    old = clean_dataset(dataset, output=tmp_path / "old", strategy="2025")
    assert (old.codes_removed, old.codes_left, old.text_kept) == (3621, 34, 1.0)
    for path in (root / "captions_cleaned_2025").glob("*.txt"):
        assert (tmp_path / "old" / path.name).read_bytes() == path.read_bytes()
