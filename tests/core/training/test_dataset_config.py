from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bespoke_core.errors import InputError
from bespoke_core.training import set_info
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.dataset import count_batches, epoch_batches
from bespoke_core.training.dataset_config import paths_in
from bespoke_core.training.reading import read_set

from .conftest import make_dataset

Make = Callable[..., TrainingConfig]

TEXT = """
[general]
shuffle_caption = true
keep_tokens = 2
caption_extension = ".txt"
flip_aug = true

[[datasets]]
resolution = 64
batch_size = 4
keep_tokens = 3

  [[datasets.subsets]]
  image_dir = "lads"
  num_repeats = 5
  keep_tokens = 1
  flip_aug = false

  [[datasets.subsets]]
  image_dir = "more"
  is_reg = true
  caption_prefix = "a"

[[datasets]]
resolution = [128, 64]
enable_bucket = false

  [[datasets.subsets]]
  image_dir = "lads"
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write a file beside two folders of pictures."""
    make_dataset(tmp_path / "lads", 3)
    make_dataset(tmp_path / "more", 4)

    def to_file(text: str) -> Path:
        path = tmp_path / "data.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


def test_a_key_is_taken_from_the_nearest_section_that_has_it(
    make_config: Make, write: Callable[[str], Path]
) -> None:
    config = make_config(dataset_config=str(write(TEXT)), keep_tokens=9, caption_tag_dropout_rate=0.1)
    found = read_set(config)
    first, regular, wide = (subset for dataset in found.datasets for subset in dataset.subsets)
    assert (first.captions.keep_tokens, first.augmentation.flip_aug, first.repeats) == (1, False, 5)
    assert (regular.captions.keep_tokens, regular.augmentation.flip_aug, regular.repeats) == (3, True, 1)
    assert (wide.captions.keep_tokens, regular.captions.caption_prefix) == (2, "a")
    assert {subset.captions.caption_tag_dropout_rate for subset in (first, regular, wide)} == {0.1}
    assert [dataset.batch_size for dataset in found.datasets] == [4, None]
    assert {(p.dataset, p.fit.bucket) for p in found.pictures} == {(0, (64, 64)), (1, (128, 64))}
    assert [p.name for p in found.pictures if p.dataset == 1] == [f"lads (2)/punk{n}.png" for n in range(3)]


def test_data_sets_never_share_a_batch_and_have_batch_sizes_of_their_own(
    make_config: Make, write: Callable[[str], Path]
) -> None:
    found = read_set(make_config(dataset_config=str(write(TEXT))))
    batches = epoch_batches(found, 2, seed=1, epoch=1)
    assert len(batches) == count_batches(found, 2) == 8 + 2
    assert all(len({found.pictures[index].dataset for index in batch}) == 1 for batch in batches)
    sizes = Counter((found.pictures[batch[0]].dataset, len(batch)) for batch in batches)
    assert sizes == {(0, 4): 7, (0, 2): 1, (1, 2): 1, (1, 1): 1}
    assert count_batches(found, 2, ranks=2) == 4 + 1 == len(epoch_batches(found, 2, seed=1, epoch=1, ranks=2))


@pytest.mark.parametrize("folder", ["x" * 5000, "y" * 300, "\\u0000"])
def test_a_folder_that_no_system_takes_is_none(
    make_config: Make, write: Callable[[str], Path], folder: str
) -> None:
    path = write(f'[[datasets]]\n[[datasets.subsets]]\nimage_dir = "{folder}"\n')
    with pytest.raises(InputError, match="no such folder"):
        read_set(make_config(dataset_config=str(path)))


def test_a_folder_may_lie_in_the_home_folder(
    make_config: Make, write: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    path = write('[[datasets]]\n[[datasets.subsets]]\nimage_dir = "~/lads"\n')
    assert len(read_set(make_config(dataset_config=str(path))).pictures) == 3
    assert paths_in(path) == [str(tmp_path / "lads")]


def test_the_same_file_may_be_json_as_kohyas_trainer_reads_it_too(
    make_config: Make, write: Callable[[str], Path]
) -> None:
    path = write('{"datasets": [{"resolution": 64, "subsets": [{"image_dir": "lads", "num_repeats": 3}]}]}')
    found = read_set(make_config(dataset_config=str(path)))
    assert [subset.repeats for subset in found.datasets[0].subsets] == [3]


def test_the_training_folder_is_ignored_and_that_is_said(
    make_config: Make, write: Callable[[str], Path]
) -> None:
    found = read_set(make_config(dataset_config=str(write(TEXT))))
    assert any("train_data_dir is ignored" in notice for notice in found.notices)
    assert not any(picture.path.parent.name == "punks" for picture in found.pictures)


def test_every_folder_is_named_for_who_must_allow_them(
    write: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert paths_in(write(TEXT)) == [str(tmp_path / name) for name in ("lads", "more", "lads")]
    elsewhere = tmp_path / "elsewhere"
    make_dataset(elsewhere / "only_here", 1)
    monkeypatch.chdir(elsewhere)
    text = '[[datasets]]\n[[datasets.subsets]]\nimage_dir = "only_here"\n'
    assert paths_in(write(text)) == [str(elsewhere / "only_here")]
    assert paths_in(write(text.replace("only_here", "../lads"))) == [str(tmp_path / "lads")]


SUBSET = '[[datasets]]\n[[datasets.subsets]]\nimage_dir = "lads"\n'


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        (SUBSET + "keep_token = 1", "datasets[0].subsets[0].keep_token", "Did you mean keep_tokens?"),
        ("[general]\nshufle_caption = true\n" + SUBSET, "general.shufle_caption", "shuffle_caption"),
        ("[generals]\n" + SUBSET, "generals", "Did you mean general?"),
        (SUBSET + "keep_tokens = true", "datasets[0].subsets[0].keep_tokens", "valid integer"),
        (SUBSET + "num_repeats = 0", "datasets[0].subsets[0].num_repeats", "1 to 10000"),
        (SUBSET + "batch_size = 2", "datasets[0].subsets[0].batch_size", "[[datasets]] or [general]"),
        ("[general]\nis_reg = true\n" + SUBSET, "general.is_reg", "[[datasets.subsets]]"),
        (SUBSET + "is_reg = 1", "datasets[0].subsets[0].is_reg", "true or false"),
        (SUBSET + "train_batch_size = 2", "datasets[0].subsets[0].train_batch_size", "mean batch_size?"),
        ('[[subsets]]\nimage_dir = "lads"\n', "subsets", "[[datasets.subsets]]"),
        (SUBSET + "face_crop_aug_range = [1.0, 2.0]", "datasets[0].subsets[0].face_crop_aug_range", "faces"),
        (SUBSET + "color_aug = true", "datasets[0].subsets[0].color_aug", "palette"),
        (SUBSET + 'metadata_file = "x.json"', "datasets[0].subsets[0].metadata_file", "text files"),
        (SUBSET.replace("lads", "lad"), "datasets[0].subsets[0].image_dir", "no such folder"),
        (SUBSET + "prior_loss_weight = 1.0", "datasets[0].subsets[0].prior_loss_weight", "write it there"),
        ("[[datasets]]\nbatch_size = 2", "datasets[0].subsets", "[[datasets.subsets]]"),
        ("[general]\nbatch_size = 2", "datasets", "[[datasets]]"),
        ("[[datasets]]\n[[datasets.subsets]]\n", "datasets[0].subsets[0].image_dir", "names no folder"),
        (SUBSET + SUBSET.removeprefix("[[datasets]]\n"), "datasets[0].subsets[1].image_dir", "twice"),
        (
            SUBSET.replace("\n", "\nenable_bucket = true\nresolution = 128\nmin_bucket_reso = 256\n", 1),
            "datasets[0].min_bucket_reso",
            "above the resolution",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_the_nearest_key(
    make_config: Make, write: Callable[[str], Path], text: str, field: str, said: str
) -> None:
    path = write(text)
    with pytest.raises(InputError) as caught:
        read_set(make_config(dataset_config=str(path)))
    assert caught.value.field == field
    assert caught.value.file == str(path)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["[[datasets]", "datasets = 3", "general = 1\n" + SUBSET, ""])
def test_a_file_that_is_no_dataset_config_is_refused(
    make_config: Make, write: Callable[[str], Path], text: str
) -> None:
    with pytest.raises(InputError, match=r"data\.toml"):
        read_set(make_config(dataset_config=str(write(text))))


def test_keys_of_kohyas_that_do_nothing_here_are_said(
    make_config: Make, write: Callable[[str], Path]
) -> None:
    text = SUBSET + "cache_info = true\ncolor_aug = false\n"
    notices = read_set(make_config(dataset_config=str(write(text)))).notices
    assert "cache_info in dataset_config has no effect." in notices


def test_the_metadata_tells_each_data_set_with_its_folders(
    make_config: Make, write: Callable[[str], Path]
) -> None:
    found = read_set(make_config(dataset_config=str(write(TEXT))))
    first, second = set_info.datasets_info(found)
    assert (first["batch_size_per_device"], second["batch_size_per_device"]) == (4, 2)
    assert (first["num_train_images"], first["num_reg_images"]) == (15, 15)
    assert second["resolution"] == [128, 64]
    assert {one["image_dir"]: one["is_reg"] for one in first["subsets"]} == {"lads": False, "more": True}
    assert set_info.dataset_dirs(found) == {
        "lads": {"n_repeats": 5, "img_count": 3},
        "lads (2)": {"n_repeats": 1, "img_count": 3},
    }
    assert set_info.dataset_dirs(found, is_reg=True) == {"more": {"n_repeats": 1, "img_count": 4}}
    assert set_info.tag_frequency(found)["lads"]["red hair"] == 3
    assert first["bucket_info"]["buckets"]["0"] == {"resolution": [64, 64], "count": 30}
