from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bespoke_core.errors import InputError
from bespoke_core.training import set_info
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.reading import read_set

from .conftest import make_dataset

Make = Callable[..., TrainingConfig]


def into(folder: Path, name: str) -> Path:
    """Move a folder's files into a folder in it."""
    child = folder / name
    child.mkdir()
    for path in list(folder.glob("punk*")):
        path.rename(child / path.name)
    return child


def said(notices: tuple[str, ...], *words: str) -> bool:
    return any(all(word in notice for word in words) for notice in notices)


def test_the_parent_and_the_leaf_are_both_understood_and_it_is_said_which(
    make_config: Make, dataset: Path
) -> None:
    leaf = into(dataset, "10_punk")
    (dataset / "notes").mkdir()
    make_dataset(dataset / "unnumbered", 1)
    parent = read_set(make_config())
    assert [p.name for p in parent.pictures][:2] == ["10_punk/punk0.png", "10_punk/punk1.png"]
    assert parent.notices[0] == "10_punk: 10 repeats"
    assert said(parent.notices, "left out", "unnumbered") and not said(parent.notices, "notes")
    found = read_set(make_config(train_data_dir=str(leaf)))
    assert {(p.repeats, p.concept) for p in found.pictures} == {(10, "punk")}
    assert found.notices[0] == "the folder's name 10_punk means 10 repeats"


def test_repeats_of_a_plain_folder_have_two_names_that_must_agree(make_config: Make) -> None:
    assert {p.repeats for p in read_set(make_config(dataset_repeats=3)).pictures} == {3}
    assert {p.repeats for p in read_set(make_config(dataset_repeats=3, num_repeats=3)).pictures} == {3}
    with pytest.raises(InputError, match="contradicts num_repeats = 2"):
        make_config(dataset_repeats=3, num_repeats=2)


def test_regularisation_pictures_are_repeated_to_as_many_and_weighed(
    make_config: Make, dataset: Path, tmp_path: Path
) -> None:
    into(dataset, "3_punk")
    regular = make_dataset(tmp_path / "reg" / "1_man", 4)
    for path in regular.glob("*.txt"):
        path.unlink()
    config = make_config(reg_data_dir=str(tmp_path / "reg"), prior_loss_weight=0.5)
    found = read_set(config)
    reg = [picture for picture in found.pictures if picture.is_reg]
    assert [p.name for p in reg] == [f"reg/1_man/punk{n}.png" for n in range(4)]
    assert [p.repeats for p in reg] == [5, 5, 4, 4]
    assert {(p.loss_weight, p.caption) for p in reg} == {(0.5, "man")}
    assert {p.loss_weight for p in found.pictures if not p.is_reg} == {1.0}
    assert set_info.number_of_pictures(found, is_reg=False) == 18
    assert set_info.number_of_pictures(found, is_reg=True) == 18
    assert set_info.dataset_dirs(found) == {"3_punk": {"n_repeats": 3, "img_count": 6}}
    assert set_info.dataset_dirs(found, is_reg=True) == {"1_man": {"n_repeats": 1, "img_count": 4}}
    assert not said(found.notices, "prior_loss_weight")
    assert said(read_set(make_config(prior_loss_weight=0.5)).notices, "prior_loss_weight has no effect")


def test_regularisation_pictures_beyond_those_needed_are_left_out_and_that_is_said(
    make_config: Make, tmp_path: Path
) -> None:
    make_dataset(tmp_path / "reg", 9)
    found = read_set(make_config(reg_data_dir=str(tmp_path / "reg")))
    assert sum(picture.is_reg for picture in found.pictures) == 6
    assert said(found.notices, "3 of 9 regularisation pictures are not used")


def test_no_folder_of_regularisation_pictures_is_refused(make_config: Make) -> None:
    with pytest.raises(InputError, match=r"nowhere.*there is no such folder"):
        read_set(make_config(reg_data_dir="nowhere"))


def test_held_out_pictures_are_not_trained_on_and_come_once(make_config: Make, tmp_path: Path) -> None:
    make_dataset(tmp_path / "reg", 3)
    keys = {"validation_split": 0.34, "num_repeats": 4, "reg_data_dir": str(tmp_path / "reg")}
    found = read_set(make_config(**keys))
    held = {picture.name for picture in found.held_out}
    assert len(held) == 2 and not any(picture.is_reg for picture in found.held_out)
    assert {p.name for p in found.pictures if not p.is_reg} == {f"punk{n}.png" for n in range(6)} - held
    assert {p.repeats for p in found.held_out} == {1}
    augmented = read_set(make_config(flip_aug=True, rotation_aug=5.0, **keys))
    assert not any(picture.subset.augmentation.flip_aug for picture in augmented.held_out)
    assert all(picture.subset.augmentation.flip_aug for picture in augmented.pictures)
    assert said(found.notices, "2 pictures are held out", *held)
    others = {
        tuple(p.name for p in read_set(make_config(**keys, validation_seed=n)).held_out) for n in range(9)
    }
    assert len(others) > 3


def test_too_few_pictures_to_hold_one_out_is_said_and_holding_out_all_is_refused(
    make_config: Make, dataset: Path
) -> None:
    assert said(read_set(make_config(validation_split=0.05)).notices, "validation_split", "none")
    for number in range(1, 6):
        (dataset / f"punk{number}.png").unlink()
        (dataset / f"punk{number}.txt").unlink()
    with pytest.raises(InputError) as caught:
        read_set(make_config(validation_split=0.9))
    assert caught.value.field == "validation_split"


def test_pictures_without_captions_take_the_class_tokens_or_are_refused(
    make_config: Make, dataset: Path
) -> None:
    (dataset / "punk3.txt").unlink()
    with pytest.raises(InputError, match=r"punk3\.png"):
        read_set(make_config())
    found = read_set(make_config(class_tokens="sks lad"))
    assert [p.caption for p in found.pictures if p.name == "punk3.png"] == ["sks lad"]
    assert said(found.notices, "1 picture", '"sks lad"')
    for path in dataset.glob("*.txt"):
        path.unlink()
    assert {p.caption for p in read_set(make_config(class_tokens="sks lad")).pictures} == {"sks lad"}


@pytest.mark.parametrize("all_are_missing", [True, False])
def test_whoever_has_pictures_without_captions_is_told_of_class_tokens_in_either_form(
    make_config: Make, dataset: Path, tmp_path: Path, all_are_missing: bool
) -> None:
    for number in range(6 if all_are_missing else 1):
        (dataset / f"punk{number}.txt").unlink()
    concept = dataset.rename(tmp_path / "5_lad")
    lying = shutil.copytree(concept, tmp_path / "parent" / "5_lad").parent
    for folder in (concept, lying):
        with pytest.raises(InputError, match='Or write class_tokens = "lad": the caption of each'):
            read_set(make_config(train_data_dir=str(folder)))
        captions = [
            p.caption for p in read_set(make_config(train_data_dir=str(folder), class_tokens="sks")).pictures
        ]
        assert captions.count("sks") == (6 if all_are_missing else 1)
    subset = f'[[datasets]]\n[[datasets.subsets]]\nimage_dir = "{concept.as_posix()}"\n'
    (tmp_path / "sets.toml").write_text(subset, encoding="utf-8")
    with pytest.raises(InputError, match=r'class_tokens = "5_lad" in its \[\[datasets.subsets\]\]:'):
        read_set(make_config(dataset_config=str(tmp_path / "sets.toml"), train_data_dir=""))
    (tmp_path / "sets.toml").write_text(subset + 'class_tokens = "sks"\n', encoding="utf-8")
    found = read_set(make_config(dataset_config=str(tmp_path / "sets.toml"), train_data_dir="")).pictures
    assert [picture.caption for picture in found].count("sks") == (6 if all_are_missing else 1)


def test_regularisation_pictures_take_their_folders_name_as_in_kohya(
    make_config: Make, dataset: Path, tmp_path: Path
) -> None:
    (tmp_path / "reg" / "1_a lad").mkdir(parents=True)
    shutil.copy(dataset / "punk0.png", tmp_path / "reg" / "1_a lad")
    found = read_set(make_config(reg_data_dir=str(tmp_path / "reg"))).pictures
    assert [picture.caption for picture in found if picture.is_reg] == ["a lad"]


def test_captions_of_another_ending_are_never_passed_over_for_class_tokens(
    make_config: Make, dataset: Path
) -> None:
    (dataset / "punk3.txt").rename(dataset / "punk3.caption")
    with pytest.raises(InputError, match=r"punk3\.caption lies there"):
        read_set(make_config(class_tokens="sks lad"))
    for path in dataset.glob("*.txt"):
        path.rename(path.with_suffix(".caption"))
    with pytest.raises(InputError, match=r"set caption_extension to \.caption"):
        read_set(make_config(class_tokens="sks lad"))


def test_a_caption_that_is_not_utf8_is_named_with_its_byte(make_config: Make, dataset: Path) -> None:
    (dataset / "punk2.txt").write_bytes("lad, caf\u00e9".encode("cp1252"))
    with pytest.raises(InputError, match=r"punk2\.txt: is not UTF-8 at byte 8"):
        read_set(make_config())


def test_all_broken_pictures_are_named_at_once(make_config: Make, dataset: Path) -> None:
    for number in (1, 4):
        (dataset / f"punk{number}.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"2 pictures cannot be used: punk1\.png .*; punk4\.png "):
        read_set(make_config())


def test_what_is_done_to_pictures_unasked_is_said(make_config: Make, dataset: Path) -> None:
    clear = Image.new("RGBA", (24, 24), (255, 0, 0, 0))
    clear.save(dataset / "punk0.png")
    frames = [Image.new("RGB", (24, 24), color) for color in ("red", "blue")]
    (dataset / "punk1.png").unlink()
    frames[0].save(dataset / "punk1.webp", save_all=True, append_images=frames[1:], lossless=True)
    Image.new("RGB", (24, 60)).save(dataset / "punk2.png")
    Image.new("RGB", (48, 48)).save(dataset / "punk3.png")
    notices = read_set(make_config(background_color="#336699")).notices
    assert said(notices, "1 picture has transparent parts", "#336699")
    assert said(notices, "first frame", "punk1.webp")
    assert said(notices, "loses more than a fifth", "punk2.png")
    assert said(notices, "factor that is not whole", "punk3.png", "resolution of 192")


def test_settings_that_change_what_is_shown_change_the_sets_key(make_config: Make, dataset: Path) -> None:
    before = read_set(make_config()).key
    for change in (
        {"flip_aug": True},
        {"rotation_aug": 5.0},
        {"keep_tokens": 2},
        {"background_color": "#000000"},
        {"validation_split": 0.2},
        {"resolution": 128},
        {"class_tokens": "unused"},
    ):
        same = "class_tokens" in change
        assert (read_set(make_config(**change)).key == before) == same, change


def test_the_tags_are_counted_as_kohya_counts_them(make_config: Make, dataset: Path) -> None:
    (dataset / "punk0.txt").write_text("Red Hair, hat, , Red Hair", encoding="utf-8")
    found = set_info.tag_frequency(read_set(make_config(num_repeats=3)))
    assert found["3_punks"]["red hair"] == 5 + 2
    assert "" not in found["3_punks"]


def test_an_animated_or_turned_or_deep_picture_is_trained_on_as_it_is_shown(
    make_config: Make, dataset: Path
) -> None:
    turned = Image.fromarray(np.zeros((10, 20, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    (dataset / "punk0.png").unlink()
    turned.save(dataset / "punk0.jpg", exif=exif)
    sizes = {picture.name: picture.size for picture in read_set(make_config()).pictures}
    assert sizes["punk0.jpg"] == (10, 20)


def test_a_folder_copied_elsewhere_is_the_same_set(make_config: Make, dataset: Path, tmp_path: Path) -> None:
    leaf = into(dataset, "2_punk")
    shutil.copytree(dataset, tmp_path / "copy")
    copied = read_set(make_config(train_data_dir=str(tmp_path / "copy")))
    assert copied.key == read_set(make_config()).key
    assert leaf.is_dir()


def test_the_folder_above_the_parent_is_refused_and_the_parent_is_named(
    make_config: Make, dataset: Path
) -> None:
    into(dataset, "10_punk")
    with pytest.raises(InputError, match=r"one level too high: punks in it .* Choose punks\."):
        read_set(make_config(train_data_dir=str(dataset.parent)))


def test_the_regularisation_folder_beside_the_parent_is_not_offered_to_be_learnt(
    make_config: Make, dataset: Path
) -> None:
    into(dataset, "10_punk")
    shutil.copytree(dataset, dataset.parent / "reg")
    with pytest.raises(InputError, match=r"one level too high: punks in it .* Choose punks\.$"):
        read_set(make_config(train_data_dir=str(dataset.parent)))


@pytest.mark.parametrize("name", ["reg", "Reg_images", "regularization"])
def test_a_plain_regularisation_folder_is_not_offered_either(
    make_config: Make, dataset: Path, name: str
) -> None:
    shutil.copytree(dataset, dataset.parent / name)
    with pytest.raises(InputError, match=r"one level too high.* sub-folders: punks\.$"):
        read_set(make_config(train_data_dir=str(dataset.parent)))
