from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from bespoke_core.captions.dataset import read_dataset, read_training_set
from bespoke_core.errors import InputError


def picture(path: Path, color: str = "red", size: int = 8) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), color).save(path)
    return path


def caption(path: Path, text: str | bytes = "red hat") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("lad_10", "lad_2", "LAD_1"):
        picture(tmp_path / "set" / f"{name}.png")
        caption(tmp_path / "set" / f"{name}.txt", f"caption of {name}\nsecond line")
    return tmp_path / "set"


def test_pictures_and_captions_are_paired_in_natural_order(folder: Path) -> None:
    items = read_training_set(folder).items
    assert [item.name for item in items] == ["LAD_1", "lad_2", "lad_10"]
    assert [item.caption for item in items] == [f"caption of {item.name}" for item in items]
    assert [item.image_path for item in items] == [folder / f"{item.name}.png" for item in items]
    assert items[0].text == "caption of LAD_1\nsecond line"


@pytest.mark.parametrize("ending", [".png", ".JPG", ".jpeg", ".webp", ".bmp"])
def test_the_usual_picture_formats_are_read(tmp_path: Path, ending: str) -> None:
    picture(tmp_path / f"a{ending}")
    caption(tmp_path / "a.txt")
    assert read_training_set(tmp_path).items[0].image_path == tmp_path / f"a{ending}"


def test_pictures_may_lie_in_another_folder(tmp_path: Path) -> None:
    caption(tmp_path / "texts" / "a.caption", "hat")
    picture(tmp_path / "art" / "a.png")
    dataset = read_training_set(tmp_path / "texts", images=tmp_path / "art", caption_extension="caption")
    assert dataset.items[0].image_path == tmp_path / "art" / "a.png"
    assert dataset.caption_extension == ".caption"


def test_captions_alone_can_be_read_but_not_trained_on(tmp_path: Path) -> None:
    caption(tmp_path / "a.txt")
    dataset = read_dataset(tmp_path)
    assert dataset.images is None and list(dataset.find_problems()) == []
    with pytest.raises(InputError, match="holds captions but no picture"):
        read_training_set(tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_caption(tmp_path: Path) -> None:
    caption(tmp_path / "a.txt", b"\xef\xbb\xbfhat\r\nmore")
    item = read_dataset(tmp_path).items[0]
    assert (item.text, item.caption, item.read().recoded) == ("hat\r\nmore", "hat", True)


def test_names_of_any_script_pair_up_composed_or_not(tmp_path: Path) -> None:
    name = "café 画像"
    picture(tmp_path / (unicodedata.normalize("NFC", name) + ".png"))
    caption(tmp_path / (unicodedata.normalize("NFD", name) + ".txt"), "кепка")
    dataset = read_training_set(tmp_path)
    assert [(item.name, item.caption) for item in dataset.items] == [(name, "кепка")]


@pytest.mark.parametrize(
    ("content", "byte"), [(b"caf\xe9, hat", 3), (b"\xef\xbb\xbfok \xff", 6), (b"\x89PNG\r\n", 0)]
)
def test_a_caption_that_is_not_utf8_is_named_with_its_byte(tmp_path: Path, content: bytes, byte: int) -> None:
    picture(tmp_path / "a.png")
    caption(tmp_path / "a.txt", content)
    with pytest.raises(InputError, match=rf"a\.txt: is not UTF-8 at byte {byte} \(0x\w\w\).*Save"):
        read_training_set(tmp_path)
    with pytest.raises(InputError, match="is not UTF-8"):
        read_dataset(tmp_path)
    dataset = read_dataset(tmp_path, skip_unreadable=True)
    assert [problem.kind for problem in dataset.find_problems()] == ["not_utf8"]
    with pytest.raises(InputError, match="is not UTF-8"):
        _ = dataset.items[0].text


def test_every_kind_of_problem_is_told_in_one_error_before_any_work(folder: Path) -> None:
    caption(folder / "lad_2.txt", "  \nsecond")
    caption(folder / "orphan.txt")
    picture(folder / "lonely.png")
    picture(folder / "lad_10.jpg")
    whole = (folder / "LAD_1.png").read_bytes()
    (folder / "LAD_1.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError) as caught:
        read_training_set(folder)
    text = str(caught.value)
    assert "5 files cannot be used" in text
    for part in (
        "LAD_1.png: is not a whole picture",
        "lad_2.txt: the caption's first line is empty",
        "orphan.txt: the caption has no picture",
        "lonely.png: the picture has no caption",
        "one caption has several pictures (lad_10.jpg, lad_10.png)",
    ):
        assert part in text
    kinds = {p.kind for p in read_dataset(folder, check_pictures=True).find_problems()}
    assert kinds == {"broken_picture", "empty_caption", "orphan_caption", "missing_caption", "two_pictures"}


def test_a_caption_whose_picture_is_of_a_format_that_is_not_read_says_so(folder: Path) -> None:
    caption(folder / "walk.txt")
    (folder / "walk.gif").write_bytes(b"GIF89a")
    with pytest.raises(InputError, match=r"walk\.gif, is of a format that is not read.*Save it as PNG"):
        read_training_set(folder)


def test_a_long_list_of_problems_is_cut_short(tmp_path: Path) -> None:
    caption(tmp_path / "good.txt")
    for index in range(9):
        picture(tmp_path / f"p{index}.png")
    with pytest.raises(InputError, match=r"10 files cannot be used: good\.txt.*p3\.png.*; and 5 more"):
        read_training_set(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"GIF89a"])
def test_a_file_that_is_no_picture_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    caption(tmp_path / "a.txt")
    with pytest.raises(InputError, match=r"a\.png: is not a whole picture"):
        read_training_set(tmp_path)


def test_a_folder_one_level_too_high_names_the_ones_to_choose(folder: Path) -> None:
    (folder.parent / "empty").mkdir()
    with pytest.raises(InputError, match=r"one level too high.*Choose one of its sub-folders: set\."):
        read_training_set(folder.parent)


def test_a_folder_one_level_too_low_names_the_one_above(folder: Path) -> None:
    (folder / "cache").mkdir()
    with pytest.raises(InputError, match=r"one level too low.*Choose the folder above it: set\."):
        read_dataset(folder / "cache")


def test_pictures_whose_captions_lie_elsewhere_are_explained(tmp_path: Path) -> None:
    picture(tmp_path / "art" / "a.png")
    caption(tmp_path / "texts" / "a.txt")
    with pytest.raises(InputError, match="Captions of these names are in the folder texts"):
        read_dataset(tmp_path / "art")


def test_captions_of_another_ending_are_pointed_out(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    caption(tmp_path / "a.caption")
    with pytest.raises(InputError, match=r"no \.txt caption.*set caption_extension to \.caption"):
        read_dataset(tmp_path)


def test_an_empty_folder_a_file_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"holds no picture and no \.txt caption"):
        read_dataset(tmp_path / "empty")
    with pytest.raises(InputError, match="there is no such folder"):
        read_dataset(tmp_path / "absent")
    with pytest.raises(InputError, match="is a file, not a folder"):
        read_dataset(caption(tmp_path / "a.txt"))


@pytest.mark.parametrize("ending", ["", ".", ".png", "a/b"])
def test_an_impossible_caption_ending_is_refused(tmp_path: Path, ending: str) -> None:
    with pytest.raises(InputError, match="caption_extension"):
        read_dataset(tmp_path, caption_extension=ending)


def test_a_huge_file_is_no_caption(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    caption(tmp_path / "a.txt", b"(" * 10_000_000)
    with pytest.raises(InputError, match=r"a\.txt: is 10\.0 MB long, too long for a caption"):
        read_training_set(tmp_path)


def test_links_that_lead_nowhere_count_as_absent(folder: Path) -> None:
    (folder / "lad_2.txt").unlink()
    (folder / "lad_2.txt").symlink_to(folder / "lad_2.txt")
    (folder / "lad_10.txt").unlink()
    (folder / "lad_10.txt").symlink_to(folder / "gone.txt")
    with pytest.raises(InputError, match=r"2 files cannot be used: lad_2\.png: the picture has no caption"):
        read_training_set(folder)


def test_a_caption_named_after_the_whole_picture_and_links_to_nothing_are_told_as_such(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("ok", "long", "lost"):
        Image.new("RGB", (24, 24)).save(folder / f"{name}.png")
    (folder / "ok.txt").write_text("red hair")
    (folder / "long.png.txt").write_text("red hair")
    (folder / "lost.txt").symlink_to(folder / "nothing.txt")
    (folder / "gone.png").symlink_to(folder / "nothing.png")
    (folder / "gone.txt").write_text("red hair")
    with pytest.raises(InputError) as caught:
        read_training_set(folder)
    said = str(caught.value)
    assert "long.png.txt lies there: rename it to long.txt" in said
    assert "lost.txt is a link that leads to no file" in said
    assert "gone.png, is a link that leads to no file" in said


def test_hidden_files_are_not_data(folder: Path) -> None:
    caption(folder / "._lad_2.txt", b"\xff")
    (folder / ".hidden").mkdir()
    assert len(read_training_set(folder).items) == 3


def test_a_text_is_read_when_it_is_asked_for(folder: Path) -> None:
    item = read_training_set(folder).items[1]
    caption(folder / "lad_2.txt", "new words")
    assert item.caption == "new words"
    caption(folder / "lad_2.txt", b"\xff")
    with pytest.raises(InputError, match=r"lad_2\.txt: is not UTF-8"):
        _ = item.caption


def test_folders_with_repeats_are_one_data_set(tmp_path: Path) -> None:
    for name in ("10_punk/b", "10_punk/a", "2_lady/a", "notes/x", ".hidden/y"):
        picture(tmp_path / f"{name}.png")
        caption(tmp_path / f"{name}.txt", name)
    dataset = read_dataset(tmp_path)
    assert [item.file for item in dataset.items] == ["2_lady/a.txt", "10_punk/a.txt", "10_punk/b.txt"]
    assert [item.caption for item in dataset.items] == ["2_lady/a", "10_punk/a", "10_punk/b"]
    assert dataset.items[0].image_path == tmp_path / "2_lady" / "a.png"
    (tmp_path / "2_lady" / "a.txt").unlink()
    (tmp_path / "10_punk" / "a.png").unlink()
    assert [(p.kind, p.file) for p in read_dataset(tmp_path).find_problems()] == [
        ("missing_caption", "2_lady/a.png"),
        ("orphan_caption", "10_punk/a.txt"),
    ]


def test_folders_with_repeats_are_not_trained_on_as_one(tmp_path: Path) -> None:
    picture(tmp_path / "10_punk" / "a.png")
    caption(tmp_path / "10_punk" / "a.txt")
    with pytest.raises(InputError, match=r"holds folders with repeats \(10_punk\).*Choose one of them"):
        read_training_set(tmp_path)
    assert len(read_training_set(tmp_path / "10_punk").items) == 1


def test_pictures_both_beside_and_in_a_folder_with_repeats_are_refused(folder: Path) -> None:
    caption(folder / "10_punk" / "a.txt")
    with pytest.raises(InputError, match="holds pictures itself and also the folder 10_punk"):
        read_dataset(folder)


def test_captions_whose_pictures_lie_elsewhere_are_not_mixed_with_a_sub_folders(
    tmp_path: Path,
) -> None:
    caption(tmp_path / "texts" / "a.txt")
    caption(tmp_path / "texts" / "1_old" / "a.txt")
    picture(tmp_path / "art" / "a.png")
    dataset = read_dataset(tmp_path / "texts", images=tmp_path / "art")
    assert [item.file for item in dataset.items] == ["a.txt"]


def test_a_text_beside_folders_with_repeats_is_a_caption_without_a_picture(tmp_path: Path) -> None:
    picture(tmp_path / "10_punk" / "a.png")
    caption(tmp_path / "10_punk" / "a.txt")
    caption(tmp_path / "readme.txt")
    (problem,) = read_dataset(tmp_path).find_problems()
    assert (problem.kind, problem.file) == ("orphan_caption", "readme.txt")


def test_links_among_folders_with_repeats_lead_nowhere_or_one_level_down(tmp_path: Path) -> None:
    picture(tmp_path / "set" / "10_punk" / "a.png")
    caption(tmp_path / "set" / "10_punk" / "a.txt")
    (tmp_path / "set" / "1_loop").symlink_to(tmp_path / "set" / "1_loop")
    (tmp_path / "set" / "2_self").symlink_to(tmp_path / "set", target_is_directory=True)
    (tmp_path / "set" / "10_punk" / "3_up").symlink_to(tmp_path / "set", target_is_directory=True)
    (tmp_path / "set" / "4_gone").symlink_to(tmp_path / "gone")
    assert [item.file for item in read_dataset(tmp_path / "set").items] == ["10_punk/a.txt"]


@pytest.mark.parametrize(
    ("texts", "ending"),
    [
        (["a.caption"], ".caption"),
        (["a.txt", "b.caption"], ".txt"),
        (["a.caption", "b.caption", "readme.txt"], ".caption"),
        (["a.txt", "a.caption"], ".txt"),
    ],
)
def test_the_ending_of_most_pictures_captions_can_be_found(tmp_path: Path, texts: list, ending: str) -> None:
    for name in ("a", "b"):
        picture(tmp_path / f"{name}.png")
    for name in texts:
        caption(tmp_path / name)
    assert read_dataset(tmp_path, caption_extension=None).caption_extension == ending


def test_pictures_without_any_caption_are_refused_for_the_usual_ending(tmp_path: Path) -> None:
    picture(tmp_path / "set" / "a.png")
    with pytest.raises(InputError, match=r"Write a \.txt file beside each picture"):
        read_dataset(tmp_path / "set", caption_extension=None)


def test_two_captions_of_one_name_are_told(tmp_path: Path) -> None:
    caption(tmp_path / "a.txt", "one")
    caption(tmp_path / "a.TXT", "two")
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this disk does not tell a.txt from a.TXT")
    dataset = read_dataset(tmp_path)
    assert [item.text for item in dataset.items] == ["two"]
    assert [(p.kind, p.file) for p in dataset.pairing] == [("orphan_caption", "a.txt")]


def test_a_name_that_is_not_utf8_is_refused_with_the_name(tmp_path: Path) -> None:
    caption(tmp_path / "a.txt")
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"hat")
    except OSError:
        pytest.skip("this disk takes only names in UTF-8")
    with pytest.raises(InputError, match=r"a file whose name is not UTF-8 \(caf\ufffd\.txt\)\. Rename"):
        read_dataset(tmp_path)


def test_a_folder_that_may_not_be_read_is_named(unprivileged) -> None:
    with unprivileged.bound() as place:
        caption(place / "set" / "a.txt")
        (place / "set").chmod(0o300)
        with pytest.raises(InputError, match=r"set': cannot be read \(Permission denied\)"):
            read_dataset(place / "set")


def test_the_real_set_is_ready_to_train_on(shared_data) -> None:
    root = shared_data / "bespoke-punks"
    dataset = read_training_set(root / "captions_original", images=root / "images_512")
    assert len(dataset.items) == 203


def test_a_caption_of_the_other_ending_is_pointed_out(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        picture(tmp_path / name)
    (tmp_path / "a.txt").write_text("a lad", encoding="utf-8")
    (tmp_path / "b.caption").write_text("a lady", encoding="utf-8")
    (problem,) = read_dataset(tmp_path, caption_extension=".txt").pairing
    assert problem.kind == "missing_caption"
    assert "b.caption lies there: rename it to b.txt" in problem.remedy
