from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bespoke_core.errors import InputError
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.dataset import epoch_batches
from bespoke_core.training.reading import read_set

Make = Callable[..., TrainingConfig]


def test_a_plain_folder_is_read_once_each(make_config: Make) -> None:
    found = read_set(make_config())
    assert [p.name for p in found.pictures] == [f"punk{n}.png" for n in range(6)]
    assert found.pictures[2].caption.startswith("pixel art, lad 2")
    assert [picture.fit.bucket for picture in found.pictures] == [(64, 64)] * 6


def test_kohyas_folders_give_repeats(make_config: Make, dataset: Path) -> None:
    concept = dataset / "10_punk"
    concept.mkdir()
    for path in list(dataset.glob("punk*")):
        path.rename(concept / path.name)
    parent = read_set(make_config())
    assert {(p.repeats, p.concept) for p in parent.pictures} == {(10, "punk")}
    leaf = read_set(make_config(train_data_dir=str(concept)))
    assert {p.repeats for p in leaf.pictures} == {10}
    assert "10 repeats" in leaf.notices[0]


def test_pictures_beside_kohyas_folders_are_refused(make_config: Make, dataset: Path) -> None:
    (dataset / "10_punk").mkdir()
    with pytest.raises(InputError, match="10_punk"):
        read_set(make_config())


def test_a_year_in_a_folders_name_is_not_taken_for_repeats(make_config: Make, dataset: Path) -> None:
    year = dataset.rename(dataset.with_name("2025_punks"))
    assert {p.repeats for p in read_set(make_config(train_data_dir=str(year))).pictures} == {1}


@pytest.mark.parametrize("kind", ["missing caption", "empty caption", "broken picture", "no folder", "empty"])
def test_what_cannot_be_trained_on_is_refused_by_name(make_config: Make, dataset: Path, kind: str) -> None:
    named = dataset / "punk3.txt"
    if kind == "missing caption":
        named.unlink()
        named = dataset / "punk3.png"
    elif kind == "empty caption":
        named.write_text("", encoding="utf-8")
    elif kind == "broken picture":
        named = dataset / "punk3.png"
        named.write_bytes(named.read_bytes()[:100])
    else:
        for path in dataset.iterdir():
            path.unlink()
        if kind == "no folder":
            dataset.rmdir()
        named = dataset
    with pytest.raises(InputError) as caught:
        read_set(make_config())
    assert named.name in str(caught.value)


def test_every_epoch_shows_every_picture_in_its_own_order(make_config: Make) -> None:
    found = read_set(make_config(num_repeats=2))
    orders = [epoch_batches(found, 5, seed=1, epoch=epoch) for epoch in (1, 2)]
    for order in orders:
        assert Counter(i for batch in order for i in batch) == dict.fromkeys(range(6), 2)
        assert sorted(map(len, order)) == [2, 5, 5]
    assert orders[0] != orders[1]
    assert orders[0] == epoch_batches(found, 5, seed=1, epoch=1)


def test_the_sets_key_follows_its_content_and_not_its_place(make_config: Make, dataset: Path) -> None:
    before = read_set(make_config()).key
    moved = dataset.rename(dataset.with_name("moved"))
    assert read_set(make_config(train_data_dir=str(moved))).key == before
    (moved / "punk0.txt").write_text("another", encoding="utf-8")
    assert read_set(make_config(train_data_dir=str(moved))).key != before
