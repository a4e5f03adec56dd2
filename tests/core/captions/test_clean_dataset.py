from __future__ import annotations

from pathlib import Path

import pytest
from caption_folders import CLEANED, DIRTY, clean, content, write_set

from bespoke_core.captions.clean_dataset import clean_dataset
from bespoke_core.captions.dataset import read_dataset, read_training_set
from bespoke_core.captions.report import clean_text
from bespoke_core.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_set(tmp_path / "punks", {"a": DIRTY, "b": "\ufeff" + DIRTY, "c": "blue hat"}, pictures=True)


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


def test_the_report_shows_what_changes(folder: Path) -> None:
    text = clean_text(clean(folder, dry_run=True))
    assert "2 of 3 captions change; 8 colour codes removed, 0 left; 100.0% of the words kept." in text
    assert f"- {DIRTY}\n+ {CLEANED}" in text
    short = clean_text(clean(folder, dry_run=True), most=1)
    assert "... and 1 more caption." in short and "b.txt" not in short


def test_the_json_form_is_the_one_that_scripts_rely_on(folder: Path) -> None:
    form = clean(folder, dry_run=True).to_dict()
    keys = ["files", "changed", "codes_removed", "codes_left", "text_kept", "repairs", "diff"]
    assert set(keys) < form.keys()
    assert (form["repairs"], form["unrepaired"], form["removed_phrases"]) == ([], [], [])


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


def test_a_folder_of_folders_with_repeats_keeps_its_structure(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "kohya", {"10_punk/a": DIRTY, "2_lady/a": DIRTY}, pictures=True)
    report = clean(folder, output=tmp_path / "out", copy_images=True)
    assert [entry["file"] for entry in report.diff] == ["2_lady/a.txt", "10_punk/a.txt"]
    written = content(tmp_path / "out")
    assert {name for name in written if not name.startswith(".")} == set(content(folder))
    assert written["10_punk/a.txt"] == CLEANED.encode()
    assert len(read_training_set(tmp_path / "out" / "10_punk").items) == 1


def test_lines_and_line_breaks_stay(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", {"a": "red hat (#112233),\r\nsecond line (#aabbcc)\r\n"})
    clean(folder, in_place=True)
    assert (folder / "a.txt").read_bytes() == b"red hat\r\nsecond line\r\n"


@pytest.mark.parametrize(
    ("encoding", "given"), [("cp1252", "cp1252"), ("utf-16", "utf-16"), ("utf-16-le", "UTF-16LE")]
)
def test_captions_in_another_encoding_become_utf8(tmp_path: Path, encoding: str, given: str) -> None:
    old = {"a": "café, red hat".encode(encoding), "b": "naïve, blue hat"}
    folder = write_set(tmp_path / "set", old)
    with pytest.raises(InputError, match=r"a\.txt: .*as .* it reads \"café, red hat\".*--encoding"):
        clean(folder, in_place=True)
    dataset = read_dataset(folder, encoding=given)
    report = clean_dataset(dataset, in_place=True)
    assert (folder / "a.txt").read_text(encoding="utf-8") == "café, red hat"
    assert [entry["file"] for entry in report.diff] == ["a.txt"]
    assert report.backup is not None and (report.backup / "a.txt").read_bytes() == old["a"]


def test_the_colour_of_the_background_is_named_where_the_picture_shows_it(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", {"a": "solid background (#ff0000), eyes"}, pictures=True)
    report = clean(folder, dry_run=True, colourless="name")
    (repair,) = report.repairs
    assert (repair["file"], repair["feature"]) == ("a.txt", "background")
    assert repair["name"].endswith("red")
    assert report.diff[0]["after"] == f"solid {repair['name']} background, eyes"
    assert [(one["file"], one["feature"]) for one in report.unrepaired] == [("a.txt", "eyes")]
    assert (report.repaired, report.left_colourless) == (1, 1)
    assert clean(folder, dry_run=True).diff[0]["after"] == "solid background, eyes"


def test_a_broken_picture_stops_the_naming_of_colours_unless_it_is_skipped(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", {"a": "solid background"}, pictures=True)
    (folder / "a.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a\.png: .*picture"):
        clean(folder, dry_run=True, colourless="name")
    report = clean(folder, dry_run=True, colourless="name", skip_unreadable=True)
    assert (report.files, report.left_colourless) == (1, 1)


def test_phrases_of_most_captions_go_only_when_asked_and_the_trigger_stays(tmp_path: Path) -> None:
    texts = {str(i): f"bespoke punk, color{'abcdef'[i]}, Smiling, looking left" for i in range(6)}
    folder = write_set(tmp_path / "set", texts)
    assert clean(folder, dry_run=True).changed == 0
    report = clean(folder, dry_run=True, remove_frequent=True, trigger="smiling")
    assert report.removed_phrases == ("looking left",)
    assert report.diff[0]["after"] == "bespoke punk, colora, Smiling"


def test_other_style_phrases_than_the_usual_can_be_removed(folder: Path) -> None:
    report = clean(folder, dry_run=True, style_phrases=["Pixel Art"])
    assert report.diff[0]["after"] == "hair, red hat"
    assert clean(folder, dry_run=True, style_phrases=[]).diff[0]["after"] == CLEANED


def test_the_report_keeps_as_many_changes_as_asked_and_passes_all_on(folder: Path) -> None:
    told = []
    report = clean(folder, dry_run=True, keep=1, on_entry=lambda name, entry: told.append((name, entry)))
    assert [entry["file"] for entry in report.diff] == ["a.txt"]
    assert report.changed == 2
    assert [(name, entry["file"]) for name, entry in told] == [("diff", "a.txt"), ("diff", "b.txt")]


@pytest.mark.parametrize(
    "options", [{"strategy": "3000"}, {"colourless": "guess"}, {"strategy": "2025", "colourless": "name"}]
)
def test_rules_that_do_not_exist_are_refused_before_anything_is_read(folder: Path, options: dict) -> None:
    (folder / "a.txt").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"strategy|colourless"):
        clean(folder, dry_run=True, **options)
